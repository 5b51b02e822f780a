import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '#tools/sandbox/sandbox.js';
import { makeSecrets, type Secrets } from '#tools/sandbox/secrets.js';

/** Those of the last call, for the data stays too and was made with them; new ones, once, where there are none. */
export async function loadSecrets({ home }: Sandbox): Promise<{ readonly secrets: Secrets; readonly areNew: boolean }> {
  const file = join(home, 'secrets.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return { secrets: JSON.parse(text) as Secrets, areNew: false };
  const secrets = makeSecrets();
  await mkdir(home, { recursive: true });
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
  return { secrets, areNew: true };
}
