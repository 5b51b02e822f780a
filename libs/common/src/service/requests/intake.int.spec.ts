import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BackupRejected } from '#common/contracts/events/backup-rejected.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { toRunId } from '#common/domain/ids.js';
import { decideExpiry } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { createLogger } from '#common/telemetry/logger.js';
import { createMetrics, type Metrics } from '#common/telemetry/metrics.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { EventWriter } from '../event-writer.js';
import { type Intake, type IntakeDeps, takeRequest } from './intake.js';

let bed: CatalogTestBed;
let metrics: Metrics;
let lines: string[];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed?.close());
beforeEach(async () => {
  metrics = createMetrics({ service: 'spec' });
  lines = [];
  await bed.admin.query('TRUNCATE holdfast.runs, holdfast.inbox, holdfast.outbox CASCADE');
});

const intake: Intake<typeof BackupRequested.data, typeof BackupRejected.data> = {
  request: BackupRequested,
  decide: ({ data: { dataset } }) => {
    if (dataset === 'unknown')
      throw new AppError('request.refused', 'there is no dataset "unknown"', { known: ['payroll'] });
    if (dataset === 'broken') throw new TypeError('a defect');
    return { kind: 'backup', dataset, resource: dataset, sourceHost: null, deadlineAt: null, maxAttempts: 3 };
  },
  rejection: BackupRejected,
  toRejection: ({ dataset }, head) => ({ ...head, dataset }),
};

const asRestore = { kind: 'restore', resource: 'db', sourceHost: null, deadlineAt: null, maxAttempts: 3 } as const;

const deps = (): IntakeDeps => ({
  catalog: bed.catalog,
  events: new EventWriter({ instance: 'spec', topicPrefix: 'spec.' }),
  consumer: 'holdfast-executor',
  metrics,
  logger: createLogger({ service: 'spec', level: 'info', secrets: [], to: { write: (line) => lines.push(line) } }),
});

const request = (id: string, dataset: string, source = 'client') =>
  BackupRequested.create({ dataset }, { id, source, time: new Date() });

const read = async (text: string): Promise<unknown[]> => (await bed.admin.query(text)).rows;
const runs = () => read('SELECT id, dataset, request_id FROM holdfast.runs ORDER BY number');
const outbox = () => read('SELECT topic FROM holdfast.outbox ORDER BY id');

describe('taking a request', () => {
  it('queues one run whose id derives from the request, however often it comes and from wherever at once', async () => {
    const event = request('r1', 'shop');
    await Promise.all([1, 2, 3, 4].map(() => takeRequest(event, intake, deps())));
    await takeRequest(event, intake, deps());
    expect(await runs()).toEqual([{ id: toRunId('client', 'r1'), dataset: 'shop', request_id: 'r1' }]);
    expect(await outbox()).toEqual([]);
  });

  it('keeps with the run what the configuration answered for the request, and with the audit what was asked', async () => {
    const resolving: typeof intake = {
      ...intake,
      decide: (event, now) => ({ ...intake.decide(event, now), resolved: { method: 'dump' } }),
    };
    await takeRequest(request('r1', 'shop'), resolving, deps());
    expect(await read('SELECT request FROM holdfast.runs')).toEqual([{ request: { dataset: 'shop', method: 'dump' } }]);
    const [entry] = await bed.catalog.transaction((tx) => tx.audit.list({ subject: 'r1', limit: 1 }));
    expect(entry).toMatchObject({ detail: { request: { dataset: 'shop' }, resource: 'shop' } });
    expect(entry?.detail['request']).not.toHaveProperty('method');
  });

  it('takes the same id from another source for another request', async () => {
    await takeRequest(request('r1', 'shop'), intake, deps());
    await takeRequest(request('r1', 'shop', 'another service'), intake, deps());
    expect(await runs()).toHaveLength(2);
  });

  it('answers what is not allowed once, audits it, counts it and says so in the log', async () => {
    for (let time = 0; time < 2; time += 1) await takeRequest(request('r2', 'unknown'), intake, deps());
    expect(await runs()).toEqual([]);
    expect(await outbox()).toEqual([{ topic: 'spec.backup.rejected' }]);
    const [entry] = await bed.catalog.transaction((tx) => tx.audit.list({ subject: 'r2', limit: 1 }));
    expect(entry).toMatchObject({
      actor: 'client',
      outcome: 'rejected',
      detail: { error: { code: 'request.refused' } },
    });
    expect(await metrics.registry.metrics()).toMatch(
      /holdfast_rejections_total\{type="backup.requested",code="request.refused",service="spec"\} 1\n/,
    );
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ msg: 'request rejected', requestId: 'r2', code: 'request.refused' }),
    ]);
  });

  it('answers what is not allowed without naming what else is configured: only the audit trail has it', async () => {
    await takeRequest(request('r2', 'unknown'), intake, deps());
    const [{ event }] = (await read('SELECT event FROM holdfast.outbox')) as [{ event: object }];
    expect(event).toMatchObject({ data: { dataset: 'unknown', error: { code: 'request.refused', context: {} } } });
    expect(JSON.stringify(event)).not.toContain('payroll');
    const [entry] = await bed.catalog.transaction((tx) => tx.audit.list({ subject: 'r2', limit: 1 }));
    expect(entry).toMatchObject({ detail: { error: { context: { known: ['payroll'] } } } });
  });

  it('answers a request whose id names work of another kind already, instead of losing it', async () => {
    const restore: typeof intake = { ...intake, decide: () => ({ ...asRestore, dataset: 'shop' }) };
    await takeRequest(request('r1', 'shop'), restore, { ...deps(), consumer: 'holdfast-verifier' });
    await takeRequest(request('r1', 'shop'), intake, deps());
    expect(await runs()).toHaveLength(1);
    expect(await outbox()).toEqual([{ topic: 'spec.backup.rejected' }]);
  });

  it('queues no second run for what the inbox has forgotten and the ledger has not', async () => {
    await takeRequest(request('r1', 'shop'), intake, deps());
    await bed.admin.query('TRUNCATE holdfast.inbox');
    await takeRequest(request('r1', 'shop'), intake, deps());
    expect(await runs()).toHaveLength(1);
    expect(await outbox()).toEqual([]);
  });

  it('rejects and remembers together, or neither', async () => {
    const failing: typeof intake = {
      ...intake,
      decide: () => {
        throw new AppError('request.refused', 'there is no dataset "unknown"');
      },
    };
    await bed.admin.query('ALTER TABLE holdfast.audit ADD CONSTRAINT full_disk CHECK (false) NOT VALID');
    await expect(takeRequest(request('r4', 'unknown'), failing, deps())).rejects.toThrow();
    await bed.admin.query('ALTER TABLE holdfast.audit DROP CONSTRAINT full_disk');
    expect(await read('SELECT event_id FROM holdfast.inbox')).toEqual([]);
    expect(await outbox()).toEqual([]);
  });

  it('remembers a request for longer than it can be valid', async () => {
    const hours = (ahead: number) => new Date(Date.now() + ahead * 3_600_000);
    const validUntil = decideExpiry(hours(5 / 60).toISOString(), undefined);
    const ahead = BackupRequested.create({ dataset: 'shop' }, { id: 'r5', source: 'client', time: hours(4 / 60) });
    await takeRequest(ahead, intake, deps());
    const [kept] = await read('SELECT keep_until FROM holdfast.inbox');
    expect((kept as { keep_until: Date }).keep_until.getTime()).toBeGreaterThan(validUntil.getTime() + 3_600_000);
    const later = BackupRequested.create({ dataset: 'shop' }, { id: 'r6', source: 'client', time: hours(1) });
    await takeRequest(later, intake, deps());
    expect(await runs()).toHaveLength(1);
    expect(await outbox()).toEqual([{ topic: 'spec.backup.rejected' }]);
  });

  it('keeps beside a request the version that it was read in', async () => {
    await takeRequest(request('r1', 'shop'), { ...intake, request: { ...BackupRequested, version: 7 } }, deps());
    expect(await read('SELECT request_version FROM holdfast.runs')).toEqual([{ request_version: 7 }]);
  });

  it('remembers nothing of a request that a defect kept it from taking', async () => {
    await expect(takeRequest(request('r3', 'broken'), intake, deps())).rejects.toThrow('a defect');
    expect(await read('SELECT event_id FROM holdfast.inbox')).toEqual([]);
  });
});

describe('a request that claims to be one of ours', () => {
  const events = new EventWriter({ instance: 'spec', topicPrefix: 'spec.' });
  const forged = (id: string, dataset: string) => request(id, dataset, events.source);
  const write = (id: string, dataset: string) =>
    bed.catalog.transaction((tx) => events.write(tx, BackupRequested, { dataset }, { id }));
  const audited = async (id: string) =>
    (await bed.catalog.transaction((tx) => tx.audit.list({ subject: id }))).map(({ actor, outcome }) => [
      actor,
      outcome,
    ]);

  it('counts only when our outbox made it, and suppresses none of ours', async () => {
    await expect(takeRequest(forged('slot-1', 'shop'), intake, deps())).rejects.toMatchObject({
      code: 'request.not-ours',
    });
    expect([await runs(), await outbox()]).toEqual([[], []]);
    expect(await audited('slot-1')).toEqual([['unknown', 'refused']]);
    await takeRequest(await write('slot-1', 'shop'), intake, deps());
    expect(await runs()).toEqual([{ id: toRunId(events.source, 'slot-1'), dataset: 'shop', request_id: 'slot-1' }]);
    expect(await audited('slot-1')).toEqual([
      [events.source, 'accepted'],
      ['unknown', 'refused'],
    ]);
  });

  it('counts as our outbox has it, whatever another makes of the id', async () => {
    await write('slot-2', 'shop');
    await takeRequest(forged('slot-2', 'crm'), intake, deps());
    expect(await runs()).toMatchObject([{ dataset: 'shop' }]);
  });

  it('is the same request as before when it was taken and the outbox has forgotten it', async () => {
    const event = await write('slot-3', 'shop');
    await takeRequest(event, intake, deps());
    await bed.admin.query('TRUNCATE holdfast.outbox');
    await takeRequest(event, intake, deps());
    expect(await runs()).toHaveLength(1);
    expect(await audited('slot-3')).toEqual([[events.source, 'accepted']]);
  });
});
