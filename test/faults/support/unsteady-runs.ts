import { waitUntil } from '#tools/platform/wait-until.js';
import { type Asked, ask, causedBy, runOf } from '../../support/request.js';
import { askUntilAnswered } from './asked-by-api.js';
import type { Stop } from './breakpoint.js';
import type { Cluster } from './cluster.js';
import { type Frozen, freeze } from './freeze.js';
import { commitOf, inStorage, type Place } from './places.js';
import { backupOf, type Work } from './works.js';

const shop = backupOf('shop');
const dump = inStorage({ method: 'PUT', key: /database[.]dump[.]zst$/ });

const both = (first: Stop, second: Stop): Stop => ({
  reached: second.reached,
  release: () => {
    first.release();
    second.release();
  },
});

/** The attempt finds no server, and its run is queued again. The next process finds it. */
export const requeueing: Place = (() => {
  const place = commitOf('catalog', /SET state = 'queued', claim_expires_at = NULL, problem/);
  const arm =
    (when: 'before' | 'after'): Place['before'] =>
    (gates, cluster) => {
      gates.source.shut();
      return place[when](gates, cluster);
    };
  return { before: arm('before'), after: arm('after') };
})();

/** In the middle of a dump the executor gets SIGTERM, and gives the run back when its patience is over. */
export const givingBack: Place = (() => {
  const place = commitOf('catalog', /attempts_forgiven [+] 1/);
  const arm =
    (when: 'before' | 'after'): Place['before'] =>
    (gates, cluster) => {
      const early = dump.before(gates, cluster);
      const { pid } = cluster.replicaOf('executor').app;
      void early.reached.then(() => process.kill(pid, 'SIGTERM'));
      return both(early, place[when](gates, cluster));
    };
  return { before: arm('before'), after: arm('after') };
})();

export const byApi: Work = {
  ...shop,
  name: 'backup (over the API)',
  ask: async (cluster) => askUntilAnswered(cluster, 'backup.requested', { dataset: 'shop' }),
};

/** The transaction that settles what no worker holds, with its event. */
export const settlingUnheld: Place = commitOf('catalog', /INSERT INTO holdfast[.]outbox[\s\S]*backup[.]failed/);

const endings = new WeakMap<Asked, { readonly stop: Stop; readonly frozen: Frozen | undefined }>();

/** One backup stands at its dump, another one has to wait behind it, and is cancelled there. */
async function askAndCancel(cluster: Cluster, isWorkerFrozen: boolean): Promise<Asked> {
  const executor = cluster.replicaOf('executor');
  const stop = dump.before(executor.gates, cluster);
  await shop.ask(cluster);
  await stop.reached;
  const asked = await ask(cluster, 'backup.requested', { dataset: 'shop' });
  const queued = `SELECT FROM holdfast.runs WHERE id = '${runOf(asked)}' AND state = 'queued'`;
  await waitUntil('it waits', async () => (await cluster.catalog(queued)).length === 1);
  const frozen = isWorkerFrozen ? await freeze(executor) : undefined;
  endings.set(asked, { stop, frozen });
  askUntilAnswered(cluster, 'run.cancel-requested', { runId: runOf(asked) });
  return asked;
}

/** Settled by an executor, or by a scheduler because the only executor is frozen. What stood before it goes on afterwards. */
export const cancelledInQueue = (by: 'executor' | 'scheduler'): Work => ({
  name: `cancelled backup (settled by the ${by})`,
  family: 'backup',
  ask: (cluster) => askAndCancel(cluster, by === 'scheduler'),
  done: async (cluster, asked) => {
    const end = await cluster.next('backup.failed', causedBy(asked), { timeoutMs: 90_000 });
    endings.get(asked)?.stop.release();
    endings.get(asked)?.frozen?.thaw();
    return end;
  },
  findBroken: async (cluster, asked) => {
    const isOver = async () => (await cluster.catalog(OPEN)).length === 0;
    await waitUntil('what stood before it is done', isOver, { timeoutMs: 60_000, explain: () => cluster.explain() });
    const codes = cluster.bus.of('backup.failed', causedBy(asked)).map(({ data }) => data.error.code as string);
    return codes.join() === 'run.cancelled' ? [] : [`run ${runOf(asked)} failed with ${codes}`];
  },
});

const OPEN = `SELECT FROM holdfast.runs WHERE state IN ('queued', 'running')`;
