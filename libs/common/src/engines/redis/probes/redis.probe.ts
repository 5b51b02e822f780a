import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Evidence } from '#common/domain/verdict.js';
import type { RedisClient } from '#common/engines/redis/client.js';
import { type DatabaseFacts, fromKeyText, type RedisFacts, type SampledValue } from '#common/engines/redis/facts.js';
import { digestContent } from '#common/engines/redis/rdb/content-digest.js';
import type { RedisDataset, RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { toPlaces } from '#common/engines/redis/restore/restore-plan.js';
import { type TargetServers, withTarget } from '#common/engines/redis/restore/target-servers.js';
import { toText } from '#common/errors/printable.js';
import { defineProbe } from '#common/probes/define-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import { type CountedKeys, countLiveKeys } from './count-keys.js';
import { readContent } from './read-content.js';

type Context = ProbeContext<RedisDataset, RedisTarget, RedisFacts>;

const Params = z.strictObject({
  samples: z.boolean().default(true).describe('Compare the values that the backup has a digest of'),
  functions: z.boolean().default(true).describe('Compare the code of function libraries'),
});

/** What is there is what the file of the backup holds, but for keys whose time was over. */
export const redisProbe = defineProbe<typeof Params, Context>({
  name: 'redis',
  summary: 'Keys by database and type, names, times to live, functions and sampled values are those of the backup',
  timeoutMs: 3_600_000,
  params: Params,
  check: (context, params) => {
    const { manifest, target, signal } = context;
    if (!manifest.snapshot.isCounted) return Promise.resolve(nothingToCompare(UNCOUNTED));
    return withTarget(target.connection, { signal, name: 'holdfast-probe' }, (servers) =>
      compare(servers, context, params),
    );
  },
});

const UNCOUNTED = 'the backup is of append-only files, whose keys are not counted';

async function compare(
  servers: TargetServers,
  { manifest: { snapshot }, destination, signal }: Context,
  params: z.output<typeof Params>,
): Promise<ProbeFinding> {
  const problems = new EvidenceLog();
  const samples = params.samples ? snapshot.samples : [];
  let keys = 0;
  let ended = 0;
  for (const { from, to } of toPlaces(snapshot, destination)) {
    const expected = snapshot.databases.find(({ db }) => db === from) ?? { ...EMPTY, db: from };
    const actual = await countLiveKeys(servers, to, signal);
    keys += actual.keys;
    ended += Math.max(0, expected.expiring - actual.expiring);
    problems.add(...compareDatabase(expected, actual, to));
    for (const sample of samples.filter(({ db }) => db === from))
      problems.add(...(await compareSample(servers, to, sample)));
  }
  if (params.functions) problems.add(...(await compareFunctions(servers.first, snapshot)));
  const notes = ended === 0 ? [] : [`${countOf(ended, 'key')} had a time to live that is over`];
  return conclude({ looked: `${countOf(keys, 'key')}, ${countOf(samples.length, 'value')}`, problems, notes });
}

const EMPTY: Omit<DatabaseFacts, 'db'> = { keys: 0, expiring: 0, fieldTimes: 0, types: {}, digest: '0000000000000000' };

function compareDatabase(expected: DatabaseFacts, actual: CountedKeys, to: number): Evidence[] {
  const found: Evidence[] = [];
  for (const type of new Set([...Object.keys(expected.types), ...Object.keys(actual.types)])) {
    const [before, now] = [expected.types[type] ?? NONE, actual.types[type] ?? NONE];
    const subject = `database ${to}, ${type}`;
    const [stayed, stays] = [before.keys - before.expiring, now.keys - now.expiring];
    if (stayed !== stays)
      found.push({
        subject,
        expected: stayed,
        actual: stays,
        problem: 'another number of keys without a time to live',
      });
    if (now.expiring > before.expiring)
      found.push({
        subject,
        expected: before.expiring,
        actual: now.expiring,
        problem: 'more keys with a time to live than the backup has',
      });
  }
  if (found.length === 0 && expected.digest !== actual.digest)
    found.push({ subject: `database ${to}`, problem: 'as many keys of each type, and not the same names' });
  return found;
}

const NONE = { keys: 0, expiring: 0 };

async function compareSample(
  servers: TargetServers,
  db: number,
  { key, type, sha256, expiring, endsAtMs }: SampledValue,
): Promise<Evidence[]> {
  const name = fromKeyText(key);
  const client = servers.clientOf(name);
  const content = await readContent(client, db, name);
  const time = await readTime(client, db, name);
  const subject = `database ${db}, key ${JSON.stringify(key)}`;
  if (content === undefined) {
    const isOver = expiring && (endsAtMs ?? 0) <= time.nowMs;
    const problem = expiring ? 'it is missing, and its time is not over' : 'it is missing';
    return isOver ? [] : [{ subject, expected: type, actual: null, problem }];
  }
  if (content.type !== type) return [{ subject, expected: type, actual: content.type, problem: 'another type' }];
  const actual = digestContent(content) ?? null;
  return [
    ...(actual === sha256 ? [] : [{ subject, expected: sha256, actual, problem: 'another value' }]),
    ...compareEnds(subject, { expiring, endsAtMs }, time),
  ];
}

interface KeyTime {
  readonly nowMs: number;
  /** undefined: the key has no end. */
  readonly endsAtMs: number | undefined;
}

/** By the clock of the server: it is the one that ends keys. */
async function readTime(client: RedisClient, db: number, key: Buffer): Promise<KeyTime> {
  const left = Number(await client.inDatabase(db, ['PTTL', key]));
  const [seconds, micros] = (await client.call('TIME')) as readonly unknown[];
  const nowMs = Number(toText(seconds)) * 1_000 + Math.floor(Number(toText(micros)) / 1_000);
  return { nowMs, endsAtMs: left < 0 ? undefined : nowMs + left };
}

/** Between the two questions some time goes by. */
const SAME_END_MS = 5_000;

function compareEnds(subject: string, before: Pick<SampledValue, 'expiring' | 'endsAtMs'>, now: KeyTime): Evidence[] {
  const toInstant = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  const ends = { expected: toInstant(before.endsAtMs), actual: toInstant(now.endsAtMs) };
  if (!before.expiring)
    return now.endsAtMs === undefined ? [] : [{ subject, ...ends, problem: 'has a time to live, and had none' }];
  if (now.endsAtMs === undefined) return [{ subject, ...ends, problem: 'has lost its time to live' }];
  // A backup of an earlier version does not know when.
  if (before.endsAtMs === undefined || Math.abs(before.endsAtMs - now.endsAtMs) <= SAME_END_MS) return [];
  return [{ subject, ...ends, problem: 'ends at another time' }];
}

/** What is there beside those of the backup is left alone. */
async function compareFunctions(client: RedisClient, { functions }: RedisFacts): Promise<Evidence[]> {
  if (functions.length === 0) return [];
  const libraries = (await client.call('FUNCTION', 'LIST', 'WITHCODE')) as readonly (readonly unknown[])[];
  const there = new Map(
    libraries.map((library) => {
      const of = (name: string) => toText(library[library.indexOf(name) + 1]);
      return [of('library_name'), createHash('sha256').update(of('library_code')).digest('hex')];
    }),
  );
  return functions.flatMap(({ name, sha256 }) => {
    const actual = there.get(name);
    if (actual === sha256) return [];
    const problem = actual === undefined ? 'it is missing' : 'another code';
    return [{ subject: `function library ${name}`, expected: sha256, actual: actual ?? null, problem }];
  });
}
