import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRejected } from '#common/contracts/events/backup-rejected.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { createLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { EventWriter } from '../event-writer.js';
import { startDirectIntake } from './direct-intake.js';
import { type Intake, takeRequest } from './intake.js';

const CONSUMER = 'holdfast-executor';
const events = new EventWriter({ instance: 'spec', topicPrefix: 'spec.' });

let bed: CatalogTestBed;
let started: { stop(): Promise<void> }[];
let lines: string[];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed?.close());
beforeEach(async () => {
  started = [];
  lines = [];
  await bed.admin.query('TRUNCATE holdfast.runs, holdfast.inbox, holdfast.outbox CASCADE');
});
afterEach(() => Promise.all(started.map((intake) => intake.stop())));

const intake: Intake<typeof BackupRequested.data, typeof BackupRejected.data> = {
  request: BackupRequested,
  decide: ({ data: { dataset } }) => {
    if (dataset === 'broken') throw new TypeError('a defect');
    return { kind: 'backup', dataset, resource: dataset, sourceHost: null, deadlineAt: null, maxAttempts: 3 };
  },
  rejection: BackupRejected,
  toRejection: ({ dataset }, head) => ({ ...head, dataset }),
};

const take = (event: unknown) =>
  takeRequest(event as Parameters<typeof takeRequest<typeof BackupRequested.data, never>>[0], intake as never, {
    ...{ catalog: bed.catalog, events, consumer: CONSUMER },
  });

function start(options: Partial<Parameters<typeof startDirectIntake>[1]> = {}, directAfterMs = 0): void {
  const logger = createLogger({
    service: 'spec',
    level: 'info',
    secrets: [],
    to: { write: (line) => lines.push(line) },
  });
  const service = { catalog: bed.catalog, directAfterMs, logger };
  started.push(
    startDirectIntake(service, {
      types: [BackupRequested.type],
      consumer: CONSUMER,
      take,
      lookEveryMs: 20,
      ...options,
    }),
  );
}

const ask = (names: readonly string[]) =>
  bed.catalog.transaction(async (tx) => {
    for (const dataset of names) await events.write(tx, BackupRequested, { dataset }, { id: `ask-${dataset}` });
  });

const queued = async (): Promise<string[]> => {
  const { rows } = await bed.admin.query<{ dataset: string }>('SELECT dataset FROM holdfast.runs ORDER BY number');
  return rows.map(({ dataset }) => dataset);
};

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('requests that the bus does not take in time', () => {
  it('are taken from the outbox, all of them, each once, by any number of workers, however many wait', async () => {
    const names = Array.from({ length: 250 }, (_, number) => `d-${String(number).padStart(3, '0')}`);
    await ask(names);
    start();
    start();
    await until(async () => (await queued()).length >= names.length);
    expect((await queued()).sort()).toEqual(names);
    const { rows } = await bed.admin.query('SELECT count(*)::int AS unpublished FROM holdfast.outbox');
    expect(rows).toEqual([{ unpublished: names.length }]);
  });

  it('wait for the grace time, and are left to the bus when it takes them', async () => {
    await ask(['late']);
    await bed.admin.query(`UPDATE holdfast.outbox SET created_at = created_at - interval '1 minute'`);
    await ask(['early']);
    await ask(['published']);
    await bed.admin.query(
      `UPDATE holdfast.outbox SET published_at = clock_timestamp(), created_at = created_at - interval '1 hour'
       WHERE key = 'published'`,
    );
    start({}, 30_000);
    await until(async () => (await queued()).length > 0);
    expect(await queued()).toEqual(['late']);
  });

  it('are taken also when the bus took them just before it was lost, and not again when it delivered them', async () => {
    await ask(['kept', 'delivered', 'long-ago']);
    await bed.admin.query(
      `UPDATE holdfast.outbox
       SET published_at = clock_timestamp() - CASE key WHEN 'long-ago' THEN interval '2 hours' ELSE interval '1 minute' END`,
    );
    const { rows } = await bed.admin.query(`SELECT event FROM holdfast.outbox WHERE key = 'delivered'`);
    await take(rows[0].event);
    await ask(['on-its-way']);
    await bed.admin.query(`UPDATE holdfast.outbox SET published_at = clock_timestamp() WHERE key = 'on-its-way'`);
    const taken: string[] = [];
    const noting = async (event: Event<unknown>): Promise<void> => {
      taken.push((event.data as { dataset: string }).dataset);
      await take(event);
    };
    start({ take: noting }, 30_000);
    await until(async () => (await queued()).includes('kept'));
    expect([await queued(), taken]).toEqual([['delivered', 'kept'], ['kept']]);
  });

  it('are taken behind one that no service can take, which is said once and left to the bus', async () => {
    await ask(['broken', 'whole']);
    start();
    await until(async () => (await queued()).includes('whole'));
    await ask(['later']);
    await until(async () => (await queued()).includes('later'));
    expect(await queued()).toEqual(['whole', 'later']);
    expect(lines.filter((line) => line.includes('left to the bus'))).toHaveLength(1);
    const { rows } = await bed.admin.query(`SELECT key FROM holdfast.outbox WHERE published_at IS NULL ORDER BY id`);
    expect(rows.map(({ key }) => key)).toEqual(['broken', 'whole', 'later']);
  });

  it('are tried again as long as what keeps them may pass', async () => {
    await ask(['shop']);
    let tries = 0;
    start({
      take: async (event) => {
        tries += 1;
        if (tries < 3) throw new AppError('catalog.unavailable', 'the catalog does not answer');
        await take(event);
      },
    });
    await until(async () => (await queued()).length > 0);
    expect(tries).toBe(3);
  });

  it('are taken by the service whose kind they are', async () => {
    await ask(['shop']);
    await bed.catalog.transaction((tx) =>
      events.write(tx, ReplayRequested, { dataset: 'shop', backup: 'latest' }, { id: 'replay' }),
    );
    const seen: string[] = [];
    start({
      types: [ReplayRequested.type],
      consumer: 'holdfast-verifier',
      take: async ({ type }) => {
        seen.push(type);
      },
    });
    await until(() => seen.length > 0);
    expect(new Set(seen)).toEqual(new Set([ReplayRequested.type]));
    expect(await queued()).toEqual([]);
  });
});
