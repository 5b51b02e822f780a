import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import type { Cluster } from '../support/cluster.js';
import { type Errand, isUnreadable } from './errands.js';

export interface EndedRun {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly facts: number;
  readonly code: string | null;
  readonly message: string | null;
}

export const readRuns = (cluster: Cluster): Promise<EndedRun[]> =>
  cluster.catalog<EndedRun>(
    `SELECT id, kind, state, event_sequence AS facts, problem ->> 'code' AS code, problem ->> 'message' AS message
     FROM holdfast.runs ORDER BY number`,
  );

const isFact = ({ type }: SeenEvent): boolean => !/[.](requested|cancel-requested|rejected)$/.test(type);
const isEnd = ({ type }: SeenEvent): boolean => /[.](completed|failed)$/.test(type);

/** Delivered twice is one fact, where it came first. */
function once(events: readonly SeenEvent[]): SeenEvent[] {
  const first = new Map<string, SeenEvent>();
  for (const event of events) if (!first.has(event.id)) first.set(event.id, event);
  return [...first.values()];
}

/** Of every run, whatever asked for it: its events on the bus, all of them, in order, with one end that says what the catalog says. */
export async function findBrokenRuns(cluster: Cluster): Promise<string[]> {
  const runs = await readRuns(cluster);
  const expected = runs.reduce((sum, { facts }) => sum + facts, 0);
  const seen = () => once(cluster.bus.events.filter((event) => isFact(event) && typeof event.data?.runId === 'string'));
  await waitUntil('all facts were seen', () => seen().length >= expected, { timeoutMs: 20_000 }).catch(() => undefined);
  const byRun = Map.groupBy(seen(), ({ data }) => data.runId as string);
  const strangers = [...byRun.keys()].filter((id) => !runs.some((run) => run.id === id));
  return [
    ...strangers.map((id) => `run ${id} has facts and is not in the catalog`),
    ...runs.flatMap((run) => findBrokenRun(run, byRun.get(run.id) ?? [])),
  ];
}

function findBrokenRun({ id, kind, state, facts, code }: EndedRun, events: readonly SeenEvent[]): string[] {
  const broken: string[] = [];
  const say = (what: string) => broken.push(`${kind} ${id} (${state}) ${what}`);
  const numbers = events.map(({ data }) => data.sequence as number).sort((a, b) => a - b);
  if (numbers.join() !== Array.from({ length: facts }, (_, n) => n + 1).join())
    say(`said ${numbers} of ${facts} facts`);
  const ends = events.filter(isEnd);
  if (ends.length !== 1) say(`has ${ends.length} ends: ${ends.map(({ type }) => type)}`);
  const end = ends[0];
  const wanted = `${kind}.${state === 'completed' ? 'completed' : 'failed'}`;
  if (end !== undefined && end.type !== wanted) say(`said ${end.type}`);
  if (state === 'cancelled' && end?.data?.error?.code !== 'run.cancelled') say('did not say that it was cancelled');
  if (state === 'failed' && end?.data?.error?.code !== code)
    say(`failed with ${code} and said ${end?.data?.error?.code}`);
  for (const [place, ofPlace] of Map.groupBy(events, ({ topic, partition, key }) => `${topic}/${partition}/${key}`)) {
    const order = [...ofPlace].sort((a, b) => Number(a.offset) - Number(b.offset)).map(({ data }) => data.sequence);
    if (order.some((number, n) => n > 0 && number < order[n - 1])) say(`has facts out of order in ${place}: ${order}`);
  }
  return broken;
}

/** What came of one request: the audit trail's answers, in order, and what was said on the bus. */
interface Answer {
  readonly outcomes: string;
  readonly rejections: number;
  readonly letters: number;
  readonly hasRun: boolean;
}

/** Each request became one run or one rejection, however often it came; what no service can read is with the dead letters. */
export async function findBrokenRequests(cluster: Cluster, errands: readonly Errand[]): Promise<string[]> {
  const runIds = new Set((await readRuns(cluster)).map(({ id }) => id));
  const audits = await cluster.catalog<{ subject: string; outcome: string }>(
    `SELECT subject, outcome FROM holdfast.audit WHERE action ~ 'requested$' ORDER BY id`,
  );
  const { events, deadLetters } = cluster.bus;
  const rejected = once(events.filter(({ type }) => type.endsWith('.rejected')));
  return errands.flatMap((errand) => {
    const { request, id, runId } = errand;
    const answer: Answer = {
      outcomes: audits
        .filter(({ subject }) => subject === id)
        .map(({ outcome }) => outcome)
        .join(),
      rejections: rejected.filter(({ causationId }) => causationId === id).length,
      letters: deadLetters.filter(({ headers }) => headers['ce_id'] === id).length,
      hasRun: runIds.has(runId),
    };
    return isFit(errand, answer) ? [] : [`request ${id} (${request.ask}): ${JSON.stringify(answer)}`];
  });
}

function isFit({ request }: Errand, { outcomes, rejections, letters, hasRun }: Answer): boolean {
  const isUnread = outcomes === '' && rejections === 0 && letters > 0 && !hasRun;
  const isRejected = outcomes === 'rejected' && rejections === 1 && letters === 0 && !hasRun;
  const isAccepted = outcomes === 'accepted' && rejections === 0 && letters === 0;
  if (request.ask === 'nonsense') return isUnreadable(request.kind) ? isUnread : isRejected;
  if (request.ask === 'cancel') return isRejected || (isAccepted && !hasRun);
  return isAccepted && hasRun;
}

/** Runs may fail while everything breaks, but only for what was broken. */
const EXCUSES: Readonly<Record<string, readonly string[]>> = {
  backup: ['run.cancelled', 'run.exhausted', 'run.overdue'],
  // Nothing to restore or to replay from was there yet.
  restore: ['run.cancelled', 'run.exhausted', 'backup.missing'],
  replay: ['run.cancelled', 'run.exhausted', 'backup.missing'],
  // What was to be verified was never restored.
  verification: ['run.cancelled', 'run.exhausted', 'backup.missing', 'probe.impossible'],
};

export async function findBadExcuses(cluster: Cluster): Promise<string[]> {
  const bad = (await readRuns(cluster)).filter(
    ({ kind, code, state }) => state !== 'completed' && !EXCUSES[kind]?.includes(code ?? ''),
  );
  return bad.map(({ kind, id, code, message }) => `${kind} ${id} ended with ${code}: ${message}`);
}
