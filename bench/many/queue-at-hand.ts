import { setTimeout as sleep } from 'node:timers/promises';
import { holdfast } from '../../test/support/cli.js';
import { toFixed } from '../report.js';
import type { Fleet } from './fleet.js';

/** What an operator asks while the queue is long: how long the answers take, and how long they are. */
export async function askForQueue(fleet: Fleet, datasets: number): Promise<Record<string, string>> {
  while ((await countQueued(fleet)) < datasets / 2) await sleep(250);
  const list = await timed(() =>
    holdfast(['runs', 'list', '--state', 'queued', '--config', fleet.platform.cliConfigFile], fleet.platform.env),
  );
  if (list.result.exitCode !== 0)
    throw new Error(`runs list ended with ${list.result.exitCode}: ${list.result.stderr}`);
  const lines = list.result.stdout.trim().split('\n');
  const scrape = await timed(async () =>
    (await fetch(new URL('/metrics', fleet.platform.app('scheduler').url))).text(),
  );
  return {
    '`runs list --state queued` meanwhile': `${toFixed(list.ms, 0)} ms, ${lines.length} lines`,
    '… its last line': lines.at(-1) ?? '',
    '`/metrics` meanwhile': `${toFixed(scrape.ms, 0)} ms, ${toFixed(scrape.result.length, 0)} bytes`,
  };
}

async function countQueued({ catalog }: Fleet): Promise<number> {
  const { rows } = await catalog.admin.query<{ queued: number }>(
    `SELECT count(*)::int AS queued FROM holdfast.runs WHERE state = 'queued' /* pg_stat_ */`,
  );
  return rows[0]?.queued ?? 0;
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, ms: performance.now() - startedAt };
}
