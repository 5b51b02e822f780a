import { type Asked, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { restoreNew, type Work } from './works.js';

/** A restore with a profile: its own transaction asks for the verification, and no other client does. */
export const restoreVerified: Work = {
  ...restoreNew,
  name: 'restore (new, with a profile)',
  ask: (cluster) => restoreNew.ask(cluster, { profile: 'quick' }),
  findBroken: async (cluster, asked) => {
    await cluster.next('verification.completed', ({ data }) => data.restoreRunId === runOf(asked));
    return [...((await restoreNew.findBroken?.(cluster, asked)) ?? []), ...(await findOtherThanOne(cluster, asked))];
  },
};

async function findOtherThanOne(cluster: Cluster, asked: Asked): Promise<string[]> {
  const isOf = ({ data }: { readonly data: { readonly restoreRunId?: string } }) => data.restoreRunId === runOf(asked);
  const requests = new Set(cluster.bus.of('verification.requested', isOf).map(({ id }) => id));
  const verdicts = new Map(cluster.bus.of('verification.completed', isOf).map(({ id, data }) => [id, data.verdict]));
  const runs = await cluster.catalog(
    `SELECT FROM holdfast.runs WHERE kind = 'verification' AND request ->> 'restoreRunId' = '${runOf(asked)}'`,
  );
  const found = `${requests.size} requests, ${runs.length} runs, verdicts ${[...verdicts.values()]}`;
  return found === '1 requests, 1 runs, verdicts passed' ? [] : [`the verification of ${runOf(asked)}: ${found}`];
}
