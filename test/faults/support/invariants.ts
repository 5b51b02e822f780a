import { readdir } from 'node:fs/promises';
import { sweepAttempts } from '#common/operations/sweep-attempts.js';
import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { onServer } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, causedBy, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { findHoldsAfterSweep, runOutHolds } from './left-holds.js';
import { stillRunning } from './process-tree.js';
import { findBrokenBackups, findOrphanObjects, findUncalledBackups } from './stored-backups.js';

/**
 * What is broken after a fault, of everything that is promised whatever dies; empty is what must come out. Call it when the asked
 * runs have said their end and nothing else is at work.
 */
export async function findBroken(
  cluster: Cluster,
  asked: readonly Asked[],
  { patienceMs = 20_000 }: { readonly patienceMs?: number } = {},
): Promise<string[]> {
  const perRun = await Promise.all(asked.map((one) => findBrokenFacts(cluster, one)));
  return [
    ...perRun.flat(),
    ...(await findOpenRuns(cluster)),
    ...(await findDoubles(cluster)),
    ...(await findBrokenBackups(cluster)),
    ...(await findUncalledBackups(cluster)),
    ...(await sweepAndFindOrphans(cluster, patienceMs)),
    ...(await findLeftovers(cluster, patienceMs)),
  ];
}

const isEnd = ({ type }: SeenEvent): boolean => /[.](completed|failed)$/.test(type);
const byId = (events: readonly SeenEvent[]): SeenEvent[] => [...new Map(events.map((one) => [one.id, one])).values()];

/** An event that is delivered twice is one event, known by its id. Each is numbered, so none can be missing in between. */
async function findBrokenFacts(cluster: Cluster, asked: Asked): Promise<string[]> {
  const runId = runOf(asked);
  const facts = () => byId(cluster.bus.events.filter(causedBy(asked)).filter(({ data }) => data?.runId === runId));
  await waitUntil('nothing waits in the outbox', () => hasEmptyOutbox(cluster), { explain: () => cluster.explain() });
  const [run] = await cluster.catalog<{ state: string; last: number }>(
    `SELECT state, event_sequence AS last FROM holdfast.runs WHERE id = '${runId}'`,
  );
  if (run === undefined) return [`run ${runId} is not in the catalog`];
  await waitUntil('all of it is on the bus', () => facts().length >= run.last, { timeoutMs: 10_000 }).catch(() => {});
  const numbers = facts().map(({ data }) => data.sequence as number);
  const ends = facts().filter(isEnd);
  const broken: string[] = [];
  if (numbers.sort((a, b) => a - b).join() !== Array.from({ length: run.last }, (_, n) => n + 1).join())
    broken.push(`run ${runId} said ${numbers} of ${run.last} facts`);
  if (ends.length !== 1) broken.push(`run ${runId} has ${ends.length} ends: ${ends.map(({ type }) => type)}`);
  const end = run.state === 'cancelled' ? 'failed' : run.state;
  if (ends[0] !== undefined && !ends[0].type.endsWith(end))
    broken.push(`run ${runId} is ${run.state} but said ${ends[0].type}`);
  return broken;
}

async function hasEmptyOutbox(cluster: Cluster): Promise<boolean> {
  const waiting = 'SELECT FROM holdfast.outbox WHERE published_at IS NULL AND refused_at IS NULL LIMIT 1';
  return (await cluster.catalog(waiting)).length === 0;
}

async function findOpenRuns(cluster: Cluster): Promise<string[]> {
  const open = await cluster.catalog<{ id: string; state: string }>(
    `SELECT id, state FROM holdfast.runs WHERE state IN ('queued', 'running')`,
  );
  return open.map(({ id, state }) => `run ${id} is still ${state}`);
}

/** Each request is one run, each slot too, and each run of a backup one backup; one event of its end, whichever process settled it. */
async function findDoubles(cluster: Cluster): Promise<string[]> {
  const requests = await cluster.catalog<{ request: string }>(
    `SELECT request_id AS request FROM holdfast.runs GROUP BY requested_by, request_id HAVING count(*) <> 1`,
  );
  const slots = await cluster.catalog<{ schedule: string; slot: string; count: number }>(
    `SELECT request ->> 'schedule' AS schedule, request ->> 'slotAt' AS slot, count(*)::int AS count
     FROM holdfast.runs WHERE request ? 'slotAt' GROUP BY 1, 2 HAVING count(*) <> 1`,
  );
  const backups = await cluster.catalog<{ run: string; count: number }>(
    `SELECT run.id AS run, count(backup.id)::int AS count
     FROM holdfast.runs run
     LEFT JOIN holdfast.backups backup ON backup.run_id = run.id AND backup.purpose = 'regular' AND backup.state <> 'reserved'
     WHERE run.kind = 'backup'
     GROUP BY run.id, run.state
     HAVING count(backup.id) <> (run.state = 'completed')::int`,
  );
  const facts = await cluster.catalog<{ run: string; count: number }>(
    `SELECT event -> 'data' ->> 'runId' AS run, count(*)::int AS count
     FROM holdfast.outbox
     WHERE event_type ~ '[.](completed|failed)$'
     GROUP BY 1 HAVING count(*) <> 1`,
  );
  return [
    ...requests.map(({ request }) => `request ${request} is several runs`),
    ...slots.map(({ schedule, slot, count }) => `slot ${slot} of ${schedule} is ${count} runs`),
    ...backups.map(({ run, count }) => `run ${run} has ${count} backups`),
    ...facts.map(({ run, count }) => `run ${run} ended ${count} times`),
  ];
}

/** As sweeps long after would do: what killed attempts held has run out by then. The storage's clock has to move on for that. */
async function sweepAndFindOrphans(cluster: Cluster, patienceMs: number): Promise<string[]> {
  const endless = await runOutHolds(cluster);
  const { endpoint, accessKeyId, secretAccessKey } = endpoints.s3;
  const url = `s3://${cluster.storage.bucket}/prod`;
  const repository = cluster.storage.open({ url, endpoint, accessKeyId, secretAccessKey });
  const signal = AbortSignal.timeout(30_000);
  const sweep = async (): Promise<string[]> => {
    for (const dataset of cluster.datasets)
      await sweepAttempts(repository, { dataset, deadAfterMs: 0, uploadDeadAfterMs: 0 }, signal);
    const unfinished = await cluster.storage.countUnfinished();
    return [
      ...(await findOrphanObjects(cluster)),
      ...(await findHoldsAfterSweep(cluster)),
      ...(unfinished > 0 ? [`${unfinished} uploads are unfinished`] : []),
    ];
  };
  try {
    return [...endless, ...(await untilNothing(sweep, Math.min(patienceMs, SWEEPS_MS)))];
  } finally {
    await repository.close();
  }
}

const SWEEPS_MS = 10_000;

/** What is still found after the time. */
async function untilNothing(look: () => Promise<string[]>, timeoutMs: number): Promise<string[]> {
  let found: string[] = [];
  const isNothing = async (): Promise<boolean> => {
    found = await look();
    return found.length === 0;
  };
  return waitUntil('nothing is found', isNothing, { timeoutMs }).then(
    () => [],
    () => found,
  );
}

/** Sessions, processes, half-made databases, spooled archives, and what the servers of a spec find. Each may take a moment to end. */
async function findLeftovers(cluster: Cluster, timeoutMs: number): Promise<string[]> {
  const look = async (): Promise<string[]> => [
    ...(await findSessions(cluster)),
    ...(await findProcesses(cluster)),
    ...(await findScratches(cluster)),
    ...(await cluster.findLeft()).map((what) => `${what} is left by a dead attempt`),
    ...(await readdir(cluster.workDirectory)).map((name) => `${name} is left in the work directory`),
  ];
  return untilNothing(look, timeoutMs);
}

async function findSessions(cluster: Cluster): Promise<string[]> {
  const sessions = await onServer<{ name: string; query: string }>(
    'postgres18',
    'postgres',
    `SELECT application_name AS name, left(query, 80) AS query
     FROM pg_stat_activity
     WHERE usename IN ('${cluster.estate.reader.user}', '${cluster.estate.writer.user}')`,
  );
  return sessions.map(({ name, query }) => `a session of ${name} is left: ${query}`);
}

async function findProcesses(cluster: Cluster): Promise<string[]> {
  const left = await stillRunning(cluster.replicas.flatMap(({ orphans }) => orphans));
  return left.map(({ pid, command }) => `process ${pid} (${command}) of a killed app still runs`);
}

async function findScratches(cluster: Cluster): Promise<string[]> {
  const runs = await cluster.catalog<{ prefix: string }>(
    `SELECT 'holdfast_' || replace(id::text, '-', '') || '_a' AS prefix FROM holdfast.runs`,
  );
  const databases = await onServer<{ datname: string }>('postgres18', 'postgres', 'SELECT datname FROM pg_database');
  return databases
    .filter(({ datname }) => runs.some(({ prefix }) => datname.startsWith(prefix)))
    .map(({ datname }) => `database ${datname} is left under construction`);
}
