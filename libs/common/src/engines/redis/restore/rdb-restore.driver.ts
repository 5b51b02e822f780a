import type {
  AttemptIdentity,
  FenceOptions,
  Findings,
  RestoreDriver,
  RestoreOrder,
  RestoreQuestion,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { findMarker } from './marker.js';
import { RedisFence } from './redis-fence.js';
import { restoreKeys } from './restore-keys.js';
import { describePlan, previewKeys, type RedisRestorePlan, toPlaces } from './restore-plan.js';
import { endSessions } from './restore-sessions.js';
import { sweepTarget } from './sweep-target.js';
import { withTarget } from './target-servers.js';

type Order = RestoreOrder<RedisTarget, RedisFacts>;

/**
 * Brings snapshots back into a running server, key by key and from the file itself: `new` into databases that are empty, `replace` after
 * emptying them.
 */
export class RdbRestoreDriver implements RestoreDriver<RedisTarget, RedisFacts, RedisRestorePlan, RedisFence> {
  readonly method = 'rdb';
  readonly strategies = ['new', 'replace'];
  readonly findings = {
    expiredKeys: 'not restored, for their time was over',
    functionsLeft: 'functions that were there, and were left as they are',
  };
  readonly describe = describePlan;

  /** Throws: redis.*. */
  plan(question: RestoreQuestion<RedisTarget, RedisFacts>, signal: AbortSignal): Promise<RedisRestorePlan> {
    return previewKeys(question, signal);
  }

  fence({ target, destination, identity }: Order, o: FenceOptions): Promise<RedisFence> {
    return RedisFence.open(target.connection, destination, { ...o, identity });
  }

  /** The marker goes last: while there is one, something was still to be done. */
  async isDone({ destination, manifest }: Order, { servers }: RedisFence): Promise<boolean> {
    for (const { to } of toPlaces(manifest.snapshot, destination))
      if ((await findMarker(servers, to)) !== undefined) return false;
    return true;
  }

  apply(order: Order, work: RestoreWork<RedisRestorePlan, RedisFence>, signal: AbortSignal): Promise<void> {
    return restoreKeys(order, work, signal);
  }

  remarks(): Findings {
    return {};
  }

  end({ connection }: RedisTarget, { runId, attempt }: AttemptIdentity, signal: AbortSignal): Promise<void> {
    return withTarget(connection, { signal, name: 'holdfast-tidy' }, async ({ clients }) => {
      await endSessions(clients, (session) => session.runId === runId && session.attempt <= attempt);
    });
  }

  sweep(target: RedisTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    return sweepTarget(target, stateOf, signal);
  }
}
