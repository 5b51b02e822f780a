import type { AppName } from '#tools/platform/app-process.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import type { Stop } from './breakpoint.js';
import type { Cluster } from './cluster.js';
import type { BusMatch } from './kafka-gate.js';
import type { KillCase } from './kill-case.js';
import type { StatementMatch } from './pg-gate.js';
import type { Gates } from './replica.js';
import type { S3Match } from './s3-gate.js';

type Arm = (gates: Gates, cluster: Cluster) => Stop;

/** A step seen from outside: where an app can be stopped before it is done, and after it was done and before the app knows. */
export interface Place {
  readonly before: Arm;
  readonly after: Arm;
}

/** A statement to the catalog, the server of the dataset, or the server of the target. */
export const statement = (door: 'catalog' | 'source' | 'target', match: StatementMatch): Place => ({
  before: (gates) => gates[door].holdBefore(match),
  after: (gates) => gates[door].holdAfter(match),
});

/** The COMMIT of the transaction in which something was said. */
export const commitOf = (door: 'catalog' | 'source' | 'target', within: RegExp): Place =>
  statement(door, { statement: /^COMMIT/i, within });

export const inStorage = (match: S3Match, nth?: number): Place => ({
  before: ({ storage }) => storage.holdBefore(match, nth),
  after: ({ storage }) => storage.holdAfter(match, nth),
});

/** A command to the cache of the surroundings. */
export const inCache = (command: RegExp, nth?: number): Place => ({
  before: ({ cache }) => toDoor(cache).holdBefore(command, nth),
  after: ({ cache }) => toDoor(cache).holdAfter(command, nth),
});

/** A request to the search server of the surroundings; `key` is the path. */
export const inSearch = (match: S3Match, nth?: number): Place => ({
  before: ({ search }) => toDoor(search).holdBefore(match, nth),
  after: ({ search }) => toDoor(search).holdAfter(match, nth),
});

function toDoor<Gate>(gate: Gate | undefined): Gate {
  if (gate === undefined) throw new Error('the surroundings of this cluster have no such server');
  return gate;
}

export const onBus = (toMatch: (cluster: Cluster) => BusMatch, nth?: number): Place => ({
  before: ({ bus }, cluster) => bus.holdBefore(toMatch(cluster), nth),
  after: ({ bus }, cluster) => bus.holdAfter(toMatch(cluster), nth),
});

/** The first time that the place is met after another one was, and after something more came true. */
export const following = (first: Arm, place: Place, isTrue: (cluster: Cluster) => Promise<boolean>): Place => ({
  before: armAfter(first, place.before, isTrue),
  after: armAfter(first, place.after, isTrue),
});

function armAfter(first: Arm, second: Arm, isTrue: (cluster: Cluster) => Promise<boolean>): Arm {
  return (gates, cluster) => {
    const early = first(gates, cluster);
    let late: Stop | undefined;
    const reached = early.reached.then(async () => {
      await waitUntil('the first step has its effect', () => isTrue(cluster));
      late = second(gates, cluster);
      early.release();
      await late.reached;
    });
    reached.catch(() => undefined);
    const release = (): void => {
      early.release();
      late?.release();
    };
    return { reached, release };
  };
}

interface Marks {
  /** Which of the two `npm test` runs too. */
  readonly representative?: 'before' | 'after' | 'both';
  /** Who goes on after the second of them. `restart` where the app would do the work beside what is held, while a replica starts. */
  readonly takeover?: KillCase['takeover'];
  /** Of the first, and of the second where it restarts. */
  readonly meanwhile?: KillCase['meanwhile'];
}

/** Two cases: killed before the step, and the app started again; killed after it, with a replica there to go on. */
export function around(app: AppName, doing: string, place: Place, marks: Marks = {}): KillCase[] {
  const { representative, takeover = 'replica', meanwhile } = marks;
  const others = meanwhile === undefined ? {} : { meanwhile };
  const isChosen = (when: 'before' | 'after') => representative === when || representative === 'both';
  return [
    {
      app,
      step: `before ${doing}`,
      arm: place.before,
      takeover: 'restart',
      representative: isChosen('before'),
      ...others,
    },
    { app, step: `after ${doing}`, arm: place.after, takeover, representative: isChosen('after'), ...others },
  ];
}

const CLAIM = /UPDATE holdfast[.]runs[\s\S]*SET state = 'running'/;
const isQueued = async (cluster: Cluster): Promise<boolean> =>
  (await cluster.catalog(`SELECT FROM holdfast.runs WHERE state = 'queued'`)).length > 0;

/** Workers look for runs all the time: only with one in the queue it is a claim. */
export const claiming = following(
  statement('catalog', { statement: CLAIM }).before,
  commitOf('catalog', CLAIM),
  isQueued,
);

/** The last transaction of a run: run, result and fact. */
export const settling = (fact: string): Place =>
  commitOf('catalog', new RegExp(`INSERT INTO holdfast[.]outbox[\\s\\S]*${fact.replace('.', '[.]')}`));

/** What the relay publishes; `marking` is the transaction after it that says so in the outbox. */
export function publishing(type: string): { readonly publishing: Place; readonly marking: Place } {
  const place = onBus(({ topicPrefix }) => ({
    ...{ api: 'Produce', containing: new RegExp(topicPrefix + type.replace('.', '[.]')) },
  }));
  const mark = commitOf('catalog', /SET published_at = clock_timestamp/);
  return { publishing: place, marking: following(place.before, mark, async () => true) };
}

/** The transaction that remembers a request and queues its run. */
export const takingRequest: Place = commitOf('catalog', /INSERT INTO holdfast[.]runs/);

export const committingOffset = (request: string): Place =>
  onBus(({ topicPrefix }) => ({ api: 'OffsetCommit', containing: new RegExp(topicPrefix + request) }));
