import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createKafka } from '#common/bus/kafka-client.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { runsEvery } from '#common/testing/representative.js';
import type { AppName } from '#tools/platform/app-process.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin, urlOf } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, causedBy, runOf } from '../support/request.js';
import { listObjects } from '../support/secret-hunt.js';
import { StallingGate } from '../support/stalling-gate.js';

const MIB = 1024 * 1024;
const LOCK = 7_701;
const source = newId();
const there = `${source}_there`;
const orders = `${source}.orders`;
const projector = `${source}.projector`;
const ORDERS = 120;
const { host, port, binDir } = endpoints.postgres18;

let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;
const gates: StallingGate[] = [];

/** Nothing is drained: what runs is given back. Claims live longer than the test. */
const leaving = { maxAttempts: 1, drainMs: 0, claimTtlMs: 600_000, claimRenewMs: 15_000, concurrency: 4 };

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer(
    'postgres18',
    source,
    `CREATE TABLE notes AS SELECT n, string_agg(md5(random()::text), '') AS text
     FROM generate_series(1, 24000) n, generate_series(1, 64) GROUP BY n`,
    // A restore builds this index for two seconds, and can be met in the middle.
    `CREATE FUNCTION slowly(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
     'BEGIN PERFORM pg_catalog.pg_sleep(0.5); RETURN n; END'`,
    'CREATE TABLE steps AS SELECT n FROM generate_series(1, 4) n',
    'CREATE INDEX steps_slowly ON steps (slowly(n))',
  );
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${there} TEMPLATE ${source}`);
  await onServer('postgres18', there, `INSERT INTO notes VALUES (0, 'written after the backup')`);
  for (let count = 0; count < 2; count += 1)
    gates.push(await StallingGate.open({ host, port, stallAfterBytes: 40 * MIB }));
  const dataset = (url: string) => ({
    ...{ kind: 'postgres', url, repositories: ['storage'], toolDirectories: [binDir] },
    ...{ compression: { level: 1, threads: 1 }, fingerprint: [] },
  });
  await fillTopic();
  platform = await Platform.start({
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password },
      ...{ ONE_URL: backup.url(source, gates[0]?.port), TWO_URL: backup.url(source, gates[1]?.port) },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
    },
    config: {
      ...{ executor: leaving, verifier: leaving },
      datasets: {
        shop: {
          ...dataset('${env:SHOP_URL}'),
          topics: [{ name: orders, groups: [projector], replay: { modes: ['republish'], destinations: [orders] } }],
        },
        one: dataset('${env:ONE_URL}'),
        two: dataset('${env:TWO_URL}'),
      },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: [`${source}*`] },
        },
      },
      profiles: {
        patient: {
          probes: [
            { use: 'sql', assertions: [{ query: `SELECT 1 FROM pg_advisory_xact_lock_shared(${LOCK})`, rows: 1 }] },
          ],
        },
      },
    },
  });
  const first = await ask(platform, 'backup.requested', { dataset: 'shop' });
  await platform.next('backup.completed', causedBy(first));
});

afterAll(async () => {
  await platform?.close();
  for (const gate of gates) await gate.close();
  await onBus((admin) => admin.deleteTopics({ topics: [orders] }));
  await dropDatabases('postgres18', `${source}%`);
  await backup?.drop();
  await target?.drop();
});

const runRow = async (asked: Asked) => {
  const [row] = await platform.catalog<{ state: string; attempt: number; forgiven: number }>(
    `SELECT state, attempt, attempts_forgiven AS forgiven FROM holdfast.runs WHERE id = '${runOf(asked)}'`,
  );
  return row;
};

const sessionsOf = (asked: Asked, query = '%') =>
  onServer<{ pid: number }>(
    'postgres18',
    'postgres',
    `SELECT pid FROM pg_stat_activity
     WHERE application_name LIKE '%${runOf(asked)}%' AND query LIKE '${query}'`,
  );

/** Databases that the run made and that are none: filled, never named. */
const scratchOf = (asked: Asked) =>
  onServer(
    'postgres18',
    'postgres',
    `SELECT datname FROM pg_database WHERE datname LIKE '%${runOf(asked).replaceAll('-', '')}%'`,
  );

const notesIn = async (database: string): Promise<number> => {
  const [row] = await onServer<{ count: number }>('postgres18', database, 'SELECT count(*)::int AS count FROM notes');
  return row?.count ?? -1;
};

async function cancelByApi(asked: Asked): Promise<string> {
  const response = await fetch(new URL('/api/v1/requests/run.cancel-requested', platform.app('scheduler').url), {
    method: 'POST',
    headers: { authorization: `Bearer token-${platform.id}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: `cancel-${runOf(asked)}`, data: { runId: runOf(asked), reason: 'wrong day' } }),
  });
  const { state } = (await response.json()) as { state: string };
  return state;
}

/** Nothing of the attempt is left but the databases that were there. */
async function expectNothingLeft(asked: Asked, objectsBefore: readonly string[]): Promise<void> {
  await waitUntil('no session is left', async () => (await sessionsOf(asked)).length === 0);
  expect(await scratchOf(asked)).toEqual([]);
  expect(await platform.storage.countUnfinished()).toBe(0);
  expect((await listObjects(platform)).filter((key) => !key.includes('verdicts'))).toEqual(objectsBefore);
}

const kafka = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger });

async function onBus<T>(work: (admin: ReturnType<typeof kafka.admin>) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

/** Orders that a consumer group has read to the end, and which no consumer reads now. */
async function fillTopic(): Promise<void> {
  const producer = kafka.producer();
  await onBus((admin) => admin.createTopics({ topics: [{ topic: orders, numPartitions: 1 }], waitForLeaders: true }));
  await producer.connect();
  await producer.send({ topic: orders, messages: Array.from({ length: ORDERS }, (_, n) => ({ value: `order ${n}` })) });
  await producer.disconnect();
  const partitions = [{ partition: 0, offset: String(ORDERS) }];
  await onBus((admin) => admin.setOffsets({ groupId: projector, topic: orders, partitions }));
}

const hasCopies = async (): Promise<boolean> => {
  const [end] = await onBus((admin) => admin.fetchTopicOffsets(orders));
  return Number(end?.high) > ORDERS;
};

interface Kind {
  readonly app: AppName;
  readonly family: string;
  readonly ask: (round: number) => Promise<Asked>;
  readonly untilWorking: (asked: Asked, round: number) => Promise<unknown>;
  readonly letGo: (round: number) => Promise<unknown> | unknown;
  /** What must be true when nothing was done. */
  readonly untouched?: () => Promise<void>;
}

let locked: pg.Client | undefined;
const untilIndexing = (asked: Asked) =>
  waitUntil('the index is being built', async () => (await sessionsOf(asked, 'CREATE INDEX%')).length > 0);
const restore = (data: object) => ask(platform, 'restore.requested', { dataset: 'shop', target: 'staging', ...data });
const untilUploading = () =>
  waitUntil('the first part is uploaded', async () => (await platform.storage.countUnfinished()) > 0);

const kinds: readonly [string, Kind][] = [
  [
    'a backup',
    {
      ...{ app: 'executor', family: 'backup' },
      ask: (round) => ask(platform, 'backup.requested', { dataset: round === 0 ? 'one' : 'two' }),
      untilWorking: (_, round) => gates[round]?.stalled.then(untilUploading) ?? Promise.reject(new Error('no gate')),
      letGo: (round) => gates[round]?.release(),
    },
  ],
  [
    'a restore beside',
    {
      ...{ app: 'executor', family: 'restore' },
      ask: (round) => restore({ destination: `${source}_new${round}` }),
      untilWorking: untilIndexing,
      letGo: () => undefined,
    },
  ],
  [
    'a restore in place',
    {
      ...{ app: 'executor', family: 'restore' },
      ask: () => restore({ destination: there, strategy: 'in-place', safetyBackup: false }),
      untilWorking: untilIndexing,
      letGo: () => undefined,
      untouched: async () => expect(await notesIn(there)).toBe(24_001),
    },
  ],
  [
    'a verification',
    {
      ...{ app: 'verifier', family: 'verification' },
      ask: async () => {
        locked = new pg.Client({ connectionString: urlOf('postgres18', { database: there }) });
        await locked.connect();
        await locked.query(`SELECT pg_advisory_lock(${LOCK})`);
        const data = { dataset: 'shop', backup: 'latest', target: 'staging', destination: there, profile: 'patient' };
        return ask(platform, 'verification.requested', data);
      },
      untilWorking: () =>
        waitUntil('the probe waits', async () => {
          const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = ${LOCK}`;
          return (await onServer('postgres18', there, waiting)).length > 0;
        }),
      letGo: () => locked?.end(),
    },
  ],
  [
    'a replay',
    {
      ...{ app: 'verifier', family: 'replay' },
      ask: () =>
        ask(platform, 'replay.requested', {
          ...{ dataset: 'shop', mode: 'republish', offsets: [{ topic: orders, partition: 0, offset: '0' }] },
          ...{ groups: [projector], destination: orders, acceptReaders: [projector], recordsPerSecond: 20 },
        }),
      untilWorking: (asked) =>
        waitUntil('copies are made', async () => (await runRow(asked))?.state === 'running' && (await hasCopies())),
      letGo: () => undefined,
    },
  ],
];

/** What stands for the others in `npm test`. */
const REPRESENTING = ['a backup', 'a restore in place'];

describe.each(runsEvery ? kinds : kinds.filter(([name]) => REPRESENTING.includes(name)))('%s', (_, kind) => {
  it('that is cancelled through the API ends at once, says so, and leaves nothing behind', async () => {
    const before = (await listObjects(platform)).filter((key) => !key.includes('verdicts'));
    const asked = await kind.ask(0);
    await kind.untilWorking(asked, 0);
    expect(await cancelByApi(asked)).toBe('accepted');
    const failed = await platform.next(`${kind.family}.failed`, causedBy(asked));
    expect(failed.data.error).toMatchObject({ code: 'run.cancelled', message: expect.stringContaining('wrong day') });
    expect(await runRow(asked)).toMatchObject({ state: 'cancelled', attempt: 1 });
    await expectNothingLeft(asked, before);
    await kind.untouched?.();
    await kind.letGo(0);
  });

  it('that meets SIGTERM is given back at once, uncounted, leaves nothing behind, and goes on in another process', async () => {
    const before = (await listObjects(platform)).filter((key) => !key.includes('verdicts'));
    const asked = await kind.ask(1);
    await kind.untilWorking(asked, 1);
    expect(await platform.app(kind.app).stop()).toBe(0);
    expect(await runRow(asked)).toEqual({ state: 'queued', attempt: 1, forgiven: 1 });
    await expectNothingLeft(asked, before);
    await kind.untouched?.();
    await kind.letGo(1);
    await platform.startApp(kind.app);
    const completed = await platform.next(`${kind.family}.completed`, causedBy(asked));
    expect(completed.data.attempt).toBe(2);
    expect(await runRow(asked)).toEqual({ state: 'completed', attempt: 2, forgiven: 1 });
    expect(platform.bus.of(`${kind.family}.failed`, causedBy(asked))).toEqual([]);
  });
});

describe('in the end', () => {
  it('no cancellation was answered twice, nothing was rejected, and services stop with exit code 0', async () => {
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0, verifier: 0 });
    expect(platform.bus.of('run.rejected')).toEqual([]);
    const outcomes = `SELECT DISTINCT outcome FROM holdfast.audit WHERE action = 'run.cancel-requested'`;
    expect(await platform.catalog(outcomes)).toEqual([{ outcome: 'accepted' }]);
  });
});
