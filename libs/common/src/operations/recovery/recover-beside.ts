import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { Reached } from '#common/engines/postgres/pitr/recover.js';
import type { ScratchServer } from '#common/engines/postgres/pitr/scratch-server.js';
import { openStage, removeStage, sweepStages } from '#common/engines/postgres/pitr/stage.js';
import { guardStage } from '#common/engines/postgres/pitr/stage-guard.js';
import type { AppError } from '#common/errors/app-error.js';
import { type RecoverDatasetDeps, recoverDataset } from './recover-dataset.js';

export interface BesideRequest {
  readonly dataset: string;
  readonly goal: RecoveryGoal;
  readonly backupId?: string | undefined;
  /** The cluster is recovered in a folder of its own in here, which goes. Its owner is who PostgreSQL runs as. */
  readonly root: string;
  readonly toolDirectories: readonly string[];
  readonly runId: string;
  readonly onStage?: ((stage: string) => void) | undefined;
  /** Something is left that a later call removes. */
  readonly onLeft?: ((error: AppError) => void) | undefined;
  readonly signal: AbortSignal;
}

/** A server of the cluster as it was, while it is asked. */
export interface BesideServer {
  readonly server: ScratchServer;
  readonly reached: Omit<Reached, 'foreignCollations'>;
  /** For files that go with the server. */
  readonly folder: string;
}

/**
 * Recovers a cluster beside, to be asked and thrown away: server and files are removed when `use` ends, when it fails, and when this process is
 * killed. Also what a machine that stopped has left here before goes first. Throws: what `recoverDataset` and `use` throw.
 */
export async function recoverBeside<T>(
  { root, runId, onLeft, ...request }: BesideRequest,
  d: Pick<RecoverDatasetDeps, 'repository' | 'onUnheld'>,
  use: (beside: BesideServer) => Promise<T>,
): Promise<T> {
  const { failed } = await sweepStages(root, async () => 'unknown');
  for (const { error } of failed) onLeft?.(error);
  const stage = await openStage(root, { runId, attempt: 1 });
  const endGuard = await guardStage(stage);
  try {
    const results: T[] = [];
    const look = async (server: ScratchServer, reached: Reached): Promise<void> => {
      results.push(await use({ server, reached, folder: stage.path }));
    };
    const { dataDirectory: directory, toTablespace } = stage;
    const { onStage, ...rest } = request;
    const order = { ...rest, directory, toTablespace, runId, ...(onStage === undefined ? {} : { onStage }) };
    await recoverDataset(order, { ...d, look });
    return results[0] as T;
  } finally {
    await removeStage(stage);
    await endGuard();
  }
}
