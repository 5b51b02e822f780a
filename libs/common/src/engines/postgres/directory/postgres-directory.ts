import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { TargetKind } from '#common/engines/engine.js';
import { recoveryDirectoryCheck } from '#common/engines/postgres/checks/recovery-directory-check.js';
import { toSocket } from '#common/engines/postgres/pitr/scratch-server.js';
import { dataDirectoryIn } from '#common/engines/postgres/pitr/stage.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { directoryDriver } from './directory.driver.js';
import { type DirectoryTarget, directoryTarget, folderOf, toDirectoryName } from './directory-target.js';
import { whileRunning } from './handed-over.js';

/** Whole clusters, put into directories of the executor's machine. */
export const postgresDirectory: TargetKind<PostgresDataset, DirectoryTarget, BaseFacts> = {
  kind: 'postgres-directory',
  target: directoryTarget,
  restores: [directoryDriver, { ...directoryDriver, method: 'incremental' }],
  place: ({ root }) => `directory ${root}`,
  toDestination: toDirectoryName,
  // Short: the path of a server's socket may have a hundred bytes.
  toDrillDestination: (runId, attempt) => `drill-${runId.slice(-12)}-${attempt}`,
  assertThere: async (target, destination) => {
    const directory = dataDirectoryIn(folderOf(target, destination));
    const found = await stat(join(directory, 'PG_VERSION')).catch(() => undefined);
    if (found === undefined) throw new AppError('recovery.stopped', `this machine has no data directory ${directory}`);
  },
  forbidden: () => [],
  checks: { target: ({ name, root }) => [recoveryDirectoryCheck(name, root)] },
  whileAsked: ({ target, destination, dataset, manifest }, signal, work) =>
    whileRunning({ target, destination, facts: manifest.snapshot }, signal, (socket) => {
      const { database } = dataset.connection;
      return work({ target: toProbed(target, toSocket(socket, manifest.snapshot, database)), destination: database });
    }),
};

/** As probes of PostgreSQL take it: a copy keeps owners and privileges. */
const toProbed = (
  { name, toolDirectories }: DirectoryTarget,
  connection: PostgresTarget['connection'],
): PostgresTarget => ({
  ...{ name, connection, toolDirectories, owner: undefined, privileges: 'keep' },
  ...{ missingRoles: 'refuse', jobs: 1, lockTimeoutMs: 60_000 },
});
