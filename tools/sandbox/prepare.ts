import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Bed } from '#common/testing/s3-bed.js';
import { type MoreSections, toConfigText } from './config-text.js';
import { prepareCatalog } from './databases.js';
import { configPath, envPath, type Sandbox } from './sandbox.js';
import { type Secrets, toHoldfastEnvironment } from './secrets.js';

/** Catalog, bucket and configuration, each made when it is missing; `keep` leaves what is in them. */
export async function prepareHoldfast(
  sandbox: Sandbox,
  { secrets, keep, more }: { readonly secrets: Secrets; readonly keep: boolean; readonly more?: MoreSections },
): Promise<void> {
  await mkdir(sandbox.home, { recursive: true });
  await rm(join(sandbox.home, 'logs'), { recursive: true, force: true });
  await mkdir(join(sandbox.home, 'logs'), { recursive: true });
  await writeFile(configPath(sandbox), toConfigText(sandbox, more));
  const exports = Object.entries(toHoldfastEnvironment(sandbox, secrets)).map(([key, value]) => `${key}='${value}'\n`);
  await rm(envPath(sandbox), { force: true });
  await writeFile(envPath(sandbox), exports.join(''), { mode: 0o600 });
  await prepareCatalog(sandbox, { adminPassword: secrets.adminPassword, keep });
  const bed = await S3Bed.named(sandbox.bucket);
  if (!keep) await bed.empty();
  bed.close();
}
