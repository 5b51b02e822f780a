import { generateKeyPairSync } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { Manifest } from '#common/contracts/manifest.js';
import { Exit } from '#common/errors/exit.js';
import type { CheckedChain } from '#common/operations/verdict-chain.js';
import { Installation } from '#common/service/installation.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { Output } from '../output/output.js';
import type { VerbContext } from '../verb.js';
import { backupCheck } from './backup-check.js';
import { verdictsCheck } from './verdicts-check.js';

const PEM = 'pem' as const;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signingKey = privateKey.export({ type: 'pkcs8', format: PEM });

describe('verdicts check', () => {
  let bed: RestoreTestBed;
  let manifest: Manifest;
  let installations: Installation[];
  let publicFile: string;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18', 'CREATE TABLE items ()');
    manifest = await bed.backup();
    const config = {
      repositories: { disk: { url: pathToFileURL(`${bed.backups.folder}/repository`).href } },
      datasets: { shop: { kind: 'postgres', url: 'postgres://gone.invalid/shop', repositories: ['disk'] } },
    };
    // The one reaches verdicts, the other is where they are looked at: without the private key, the catalog and the bus.
    installations = [{ ...config, recovery: { signingKey } }, config].map(
      (each) => new Installation(HoldfastConfig.parse(each)),
    );
    publicFile = join(bed.backups.folder, 'public.pem');
    await writeFile(publicFile, publicKey.export({ type: 'spki', format: PEM }));
  });
  afterAll(async () => {
    for (const installation of installations ?? []) await installation.close();
    await bed?.drop();
  });

  const contextOf = (installation: Installation | undefined): VerbContext =>
    ({ installation, output: new Output(true), signal: new AbortController().signal }) as unknown as VerbContext;
  const checkBackup = () => backupCheck.run(contextOf(installations[0]), { local: true }, manifest.backupId);
  const checkVerdicts = (options: Readonly<Record<string, unknown>> = { publicKey: publicFile }) =>
    verdictsCheck.run(contextOf(installations[1]), options, manifest.backupId);

  it('finds signed verdicts sound, and says which one is gone', async () => {
    for (let times = 0; times < 3; times += 1) await checkBackup();
    const sound = await checkVerdicts();
    expect([sound.exit, sound.text]).toEqual([
      Exit.done,
      expect.stringContaining('3 verdicts, each as it was written and signed'),
    ]);
    const { verdicts } = sound.document as unknown as CheckedChain;
    const second = verdicts[1]?.key ?? '';
    await rm(join(bed.backups.folder, 'repository', second));
    const broken = await checkVerdicts();
    expect([broken.exit, broken.text]).toEqual([Exit.failed, expect.stringContaining(`✗ ${second}: is missing`)]);
  });

  it('says that signatures were not checked where no key is named', async () => {
    expect((await checkVerdicts({})).text).toMatch(/signature not checked/);
  });

  it('takes no private key, and nothing that is no key', async () => {
    const file = join(bed.backups.folder, 'private.pem');
    await writeFile(file, signingKey);
    const wrong = { code: 'request.invalid' };
    await expect(checkVerdicts({ publicKey: file })).rejects.toMatchObject(wrong);
    await expect(checkVerdicts({ publicKey: join(bed.backups.folder, 'absent.pem') })).rejects.toMatchObject(wrong);
  });
});
