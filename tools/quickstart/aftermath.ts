import { readLag } from '#tools/sandbox/kafka.js';
import { poll } from '#tools/sandbox/poll.js';
import { urlOf } from '#tools/sandbox/sandbox.js';
import { Trouble } from '#tools/sandbox/trouble.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import { ask } from './disaster.js';
import { database, type Stage, summarize, toSummaryText } from './stage.js';

interface Backfill {
  readonly id: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly indexed: number;
  readonly error?: string;
}

/** The index still holds products and prices from after the backup: the shop rebuilds it from the restored database. */
export async function rebuildSearch({ reporter, sandbox, secrets, shop, signal }: Stage): Promise<void> {
  await shop.serve();
  const url = new URL('/admin/search/backfill', urlOf(sandbox, 'shop'));
  const headers = { authorization: `Bearer ${secrets.shopAdminToken}` };
  const call = async (to: URL, method: string): Promise<Backfill> =>
    (await (await fetch(to, { method, headers, signal })).json()) as Backfill;
  const { id } = await call(url, 'POST');
  reporter.note(`POST ${url.pathname} accepted as ${id}`);
  const ended = await poll(
    async () => {
      const backfill = await call(new URL(`${url.pathname}/${id}`, url), 'GET');
      if (backfill.state === 'running') reporter.progress(`${backfill.indexed} products indexed`);
      return backfill.state === 'running' ? undefined : backfill;
    },
    { signal, what: 'the end of the search backfill' },
  );
  if (ended.state === 'failed') throw new Trouble(`the search backfill failed: ${ended.error}`);
  reporter.note(`the index holds the ${ended.indexed} products of the restored database`);
}

interface ReplayedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: string;
  readonly toOffset: string;
  readonly replayed: number;
  readonly gap: unknown;
}

/** Moves the stopped projector's group back to where the backup saw it. True when no event is gone from the bus. */
export async function replay(stage: Stage, backup: string): Promise<boolean> {
  const data = { dataset: database.dataset, backup, mode: 'reset' };
  const completed = await ask(stage, { type: 'replay.requested', mode: 'binary', data }, 'replay.completed');
  for (const part of completed.data['partitions'] as ReplayedPartition[]) {
    const gap = part.gap === null ? 'no gap' : `GAP ${JSON.stringify(part.gap)}`;
    const range = `offsets ${part.fromOffset} to ${part.toOffset}`;
    stage.reporter.note(`${part.topic}/${part.partition}: ${range}, ${part.replayed} records readable again, ${gap}`);
  }
  return completed.data['isComplete'] === true;
}

/** Lets the projector read what the replay gave back to it, up to the end of the topic. */
export async function catchUp(stage: Stage): Promise<ShopSummary> {
  const { reporter, sandbox, shop, signal } = stage;
  const { topic, group } = sandbox.shop;
  reporter.note(`${await readLag(topic, group)} records to read`);
  await shop.project();
  const isThere = async () => {
    const lag = await readLag(topic, group);
    reporter.progress(`${lag} records to read`);
    return lag === 0 ? true : undefined;
  };
  await poll(isThere, { signal, what: 'the projector catching up' });
  const summary = await summarize(stage);
  reporter.note(toSummaryText(summary));
  return summary;
}
