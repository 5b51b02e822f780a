import type { AttemptIdentity, RestoreDriver, RestoreWork, StateOf, Swept } from '#common/engines/engine.js';
import { FileFence, releaseFence } from '#common/engines/file-fence.js';
import type { Findings } from '#common/engines/findings.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import {
  fencePlaceOf,
  previewFiles,
  restoreAppendOnly,
  restoreDump,
} from '#common/engines/redis/files/files-restore.js';
import { flushKeys } from '#common/engines/redis/flush-keys.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { sweepStages } from '#common/engines/staged-files.js';
import { AppError } from '#common/errors/app-error.js';
import { findMarker } from './marker.js';
import { RedisFence } from './redis-fence.js';
import { restoreKeys } from './restore-keys.js';
import { describePlan, previewKeys, type RedisRestorePlan, toPlaces } from './restore-plan.js';
import { endSessions } from './restore-sessions.js';
import { sweepTarget } from './sweep-target.js';
import { withTarget } from './target-servers.js';

type Driver = RestoreDriver<RedisTarget, RedisFacts, RedisRestorePlan, RedisFence | FileFence>;

/** What both methods have in common: the place that a restore goes to. */
const common = {
  describe: describePlan,
  remarks: (): Findings => ({}),

  async end({ connection, directory }: RedisTarget, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
    await releaseFence(fencePlaceOf(directory)?.file, identity);
    const { runId, attempt } = identity;
    const ending = withTarget(connection, { signal, name: 'holdfast-tidy' }, async ({ clients }) => {
      await endSessions(clients, (session) => session.runId === runId && session.attempt <= attempt);
    });
    await ending.catch((error) => ignoreStopped(error, directory));
  },

  async sweep(target: RedisTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    const { directory } = target;
    const isOver = async (runId: string) => (await stateOf(runId)) === 'over';
    const files = directory === undefined ? [] : await sweepStages(directory, isOver);
    const swept = await sweepTarget(target, stateOf, signal).catch((error) => {
      ignoreStopped(error, directory);
      return { ended: [], removed: [], failed: [] };
    });
    return { ...swept, removed: [...files, ...swept.removed] };
  },
};

const NEXT_STEPS = { nextSteps: 'to do before the server starts' };

/** Puts append-only files where a stopped server finds them. */
export const aofRestore: Driver = {
  ...common,
  method: 'aof',
  strategies: ['files'],
  findings: NEXT_STEPS,
  plan: previewFiles,
  fence: ({ target, identity }, o) => FileFence.open(fencePlaceOf(target.directory), identity, o),
  // It was remembered after the last step.
  isDone: async () => true,
  apply: (order, work, signal) => restoreAppendOnly(order, withFiles(work), signal),
};

/**
 * Brings snapshots back into a running server, key by key and from the file itself: `new` into databases that are empty, `replace` after
 * emptying them. `files` puts the snapshot where a stopped server finds it.
 */
export const rdbRestore: Driver = {
  ...common,
  method: 'rdb',
  strategies: ['new', 'replace', 'files'],
  findings: {
    ...NEXT_STEPS,
    expiredKeys: 'not restored, for their time was over',
    functionsLeft: 'functions that were there, and were left as they are',
  },
  plan: (question, signal) => (question.strategy === 'files' ? previewFiles : previewKeys)(question, signal),
  fence: ({ target, destination, strategy, identity }, o) =>
    strategy === 'files'
      ? FileFence.open(fencePlaceOf(target.directory), identity, o)
      : RedisFence.open(target.connection, destination, { ...o, identity }),
  /** The marker goes last: while there is one, something was still to be done. */
  isDone: async ({ destination, manifest }, fence) => {
    if (fence instanceof FileFence) return true;
    for (const { to } of toPlaces(manifest.snapshot, destination))
      if ((await findMarker(fence.servers, to)) !== undefined) return false;
    return true;
  },
  // A drill names a database that was empty: all that it holds now is the drill's.
  async discard({ target, destination }, mark, signal): Promise<void> {
    if (mark !== null) await flushKeys(target, destination, { signal, isPreview: false });
  },
  apply: (order, work, signal) =>
    order.strategy === 'files'
      ? restoreDump(order, withFiles(work), signal)
      : restoreKeys(order, withServers(work), signal),
};

type AnyFence = RedisFence | FileFence;
type Work<N extends AnyFence> = RestoreWork<RedisRestorePlan, N>;

/** The fence that the strategy of the order asked for. */
function withFiles({ fence, ...work }: Work<AnyFence>): Work<FileFence> {
  if (fence instanceof FileFence) return { ...work, fence };
  throw new TypeError('the restore has no fence around files');
}

function withServers({ fence, ...work }: Work<AnyFence>): Work<RedisFence> {
  if (fence instanceof RedisFence) return { ...work, fence };
  throw new TypeError('the restore has no fence around servers');
}

/** A server whose files are restored does not run. */
function ignoreStopped(error: unknown, directory: string | undefined): void {
  if (directory !== undefined && error instanceof AppError && error.code === 'redis.unreachable') return;
  throw error;
}
