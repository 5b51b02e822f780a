import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RestorePlan } from '#common/engines/engine.js';
import { Exit } from '#common/errors/exit.js';
import { manifestKey } from '#common/repository/layout.js';
import { Installation } from '#common/service/installation.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { Output } from '../output/output.js';
import type { VerbContext } from '../verb.js';
import { restorePlan } from './restore-plan.js';
import { restoreRun } from './restore-run.js';

describe('restore plan --local', () => {
  let bed: RestoreTestBed;
  let manifest: Manifest;
  let installation: Installation;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18', 'CREATE TABLE items ()');
    manifest = await bed.backup();
    const accepts = { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: ['spec_*'] };
    const staging = { kind: 'postgres', url: endpoints.postgres18.url, toolDirectories: [bed.source.binDir] };
    const config = {
      repositories: { disk: { url: pathToFileURL(`${bed.backups.folder}/repository`).href } },
      // The database has got another name since the backup.
      datasets: {
        shop: { kind: 'postgres', url: `postgres://gone.invalid/${bed.nameOf('now')}`, repositories: ['disk'] },
      },
      targets: { staging: { ...staging, accepts } },
    };
    installation = new Installation(HoldfastConfig.parse(config));
  });
  afterAll(async () => {
    await installation?.close();
    await bed?.drop();
  });

  const context = (): VerbContext =>
    ({ installation, output: new Output(true), signal: new AbortController().signal }) as unknown as VerbContext;
  const plan = async (options: object): Promise<{ plan: RestorePlan; text: string; exit: number }> => {
    const { document, ...shown } = await restorePlan.run(context(), { local: true, ...options }, manifest.backupId);
    return { plan: document as RestorePlan, ...shown };
  };

  it('goes to the database that the dataset names where none is named, as a request on the bus does', async () => {
    const shown = await plan({ target: 'staging', strategy: 'new' });
    expect(shown).toMatchObject({ plan: { destination: `${bed.source.name}_now`, refusals: [] }, exit: Exit.done });
    expect(shown.text).toMatch(/pg_restore \(PostgreSQL\) 18.*\n.*nothing stands in the way$/s);
  });

  it.each([
    ['a database that exists', { strategy: 'new' }, Exit.refused],
    ['a database that does not exist', { strategy: 'in-place', destination: 'spec_nowhere' }, Exit.refused],
    ['an archive that is newer than the tools', { strategy: 'in-place' }, Exit.failed],
  ])('exits as the run does: %s', async (what, given, exit) => {
    const isNewer = what.includes('newer');
    const undo = isNewer
      ? await bed.damage(manifestKey(manifest.attemptKey), (bytes) =>
          Buffer.from(bytes.toString().replace(/"pg_dump \(PostgreSQL\) \d+/, '"pg_dump (PostgreSQL) 99')),
        )
      : async () => undefined;
    const options = { target: 'staging', destination: bed.source.name, local: true, ...given };
    const shown = await plan(options);
    const [refusal] = shown.plan.refusals;
    const run = restoreRun.run(context(), options, manifest.backupId);
    await expect(run).rejects.toMatchObject({ exit, code: refusal?.code });
    expect(shown.text).toContain(`refused: ${refusal?.message}`);
    expect(shown.exit).toBe(exit);
    await undo();
  });
});
