import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, aRequest, ask, askByKcat, causedBy, produce, runOf, toBinary } from '../support/request.js';
import { findSecrets, listObjects } from '../support/secret-hunt.js';

const A_SENTENCE = /^[A-Z].* .*[.]$/;
const TWO_HOURS_AGO = new Date(Date.now() - 2 * 3_600_000).toISOString();
const source = newId();
let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;

beforeAll(async () => {
  const toolDirectories = [endpoints.postgres18.binDir];
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer('postgres18', source, 'CREATE TABLE notes AS SELECT n, md5(n::text) FROM generate_series(1, 100) n');
  platform = await Platform.start({
    secrets: {
      SHOP_URL: backup.url(source),
      SHOP_PASSWORD: backup.password,
      TARGET_URL: target.url('postgres'),
      TARGET_PASSWORD: target.password,
    },
    config: {
      datasets: { shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories } },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [`${source}_*`] },
        },
      },
    },
    services: ['scheduler', 'executor'],
  });
});

afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `${source}%`);
  await backup?.drop();
  await target?.drop();
});

interface AuditRow {
  readonly outcome: string;
  readonly action: string;
  readonly actor: string;
}

const auditOf = ({ id }: Asked) =>
  platform.catalog<AuditRow>(`SELECT outcome, action, actor FROM holdfast.audit WHERE subject = '${id}'`);

const runsOf = ({ id }: Asked) =>
  platform.catalog<{ id: string; state: string }>(`SELECT id, state FROM holdfast.runs WHERE request_id = '${id}'`);

/** A request behind all others on the same partition is answered: nothing is stuck. */
async function expectPartitionMovesOn(): Promise<void> {
  const last = await ask(platform, 'backup.requested', { dataset: 'shop' });
  await platform.next('backup.completed', causedBy(last));
}

describe('a request published by a foreign client', () => {
  it.each([
    ['in binary mode', { mode: 'binary' }],
    ['in structured mode', { mode: 'structured' }],
    ['compressed by snappy', { mode: 'binary', options: ['-z', 'snappy'] }],
  ] as const)('is honoured %s: the backup exists before it is called completed', async (_, how) => {
    const asked = aRequest('backup.requested', { dataset: 'shop' });
    await askByKcat(platform, asked, how);
    const completed = await platform.next('backup.completed', causedBy(asked));
    expect(completed).toMatchObject({
      key: 'shop',
      source: `holdfast://${platform.id.replace('_', '-')}`,
      correlationId: asked.id,
      headers: { ce_specversion: '1.0', 'content-type': 'application/json' },
      data: {
        runId: runOf(asked),
        dataset: 'shop',
        kind: 'postgres',
        method: 'dump',
        counts: { tables: 1, rows: 100 },
        repository: 'storage',
        busPosition: 'none',
      },
    });
    expect(await listObjects(platform)).toContain(`prod/${completed.data.manifestKey}`);
    expect(await runsOf(asked)).toEqual([{ id: runOf(asked), state: 'completed' }]);
    expect(await auditOf(asked)).toEqual([
      { outcome: 'accepted', action: 'backup.requested', actor: 'urn:another:service' },
    ]);
  });

  it('is honoured once, however often it comes', async () => {
    const asked = aRequest('backup.requested', { dataset: 'shop' });
    for (const mode of ['binary', 'structured', 'binary'] as const) await askByKcat(platform, asked, { mode });
    await platform.next('backup.completed', causedBy(asked));
    await expectPartitionMovesOn();
    expect(platform.bus.of('backup.completed', causedBy(asked))).toHaveLength(1);
    expect(platform.bus.of('backup.started', causedBy(asked))).toHaveLength(1);
    expect(await runsOf(asked)).toHaveLength(1);
  });

  it('with the id of another source is another request', async () => {
    const id = `same-${source}`;
    const ours = await ask(platform, 'backup.requested', { dataset: 'shop' }, { id, source: 'urn:one' });
    const theirs = await ask(platform, 'backup.requested', { dataset: 'shop' }, { id, source: 'urn:two' });
    for (const asked of [ours, theirs]) {
      await platform.next('backup.completed', (event) => event.data.runId === runOf(asked));
    }
  });
});

describe('what no service can read', () => {
  const valid = aRequest('backup.requested', { dataset: 'shop' });
  const { value, headers = {} } = toBinary(valid);
  const { ce_type: _, ...typeless } = headers;

  it.each([
    ['malformed JSON', { value: '{"dataset": "shop"', headers }, 'is not JSON'],
    ['bytes that are no text', { value: Buffer.from([0xff, 0x00, 0xfe]), headers }, 'is not JSON'],
    ['no ce_type', { value, headers: typeless }, 'type'],
    ['no attributes at all', { value, headers: {} }, 'neither ce_* headers'],
    ['an unknown type', { value, headers: { ...headers, ce_type: 'backup.wished-for' } }, 'is unknown'],
    ['a type of another topic', { value, headers: { ...headers, ce_type: 'restore.requested' } }, 'does not belong'],
    [
      'an unknown version',
      { value, headers: { ...headers, ce_dataschema: 'urn:holdfast:event:backup.requested:99' } },
      'dataschema',
    ],
    ['data of another shape', { value: '{"dataset": ["shop"]}', headers }, 'dataset'],
  ])('goes to the dead letters with reason and original bytes: %s', async (_what, message, reason) => {
    const before = platform.bus.deadLetters.length;
    await produce(platform, 'backup.requested', { key: 'shop', ...message });
    await expectPartitionMovesOn();
    const letters = platform.bus.deadLetters.slice(before);
    expect(letters).toHaveLength(1);
    expect(letters[0]?.value).toEqual(Buffer.from(message.value));
    expect(letters[0]?.headers).toMatchObject({ 'holdfast-topic': `${platform.topicPrefix}backup.requested` });
    expect(letters[0]?.headers['holdfast-reason']).toContain(reason);
    expect(await runsOf(valid)).toEqual([]);
  });
});

describe('what claims to be our own request', () => {
  it('goes to the dead letters when our outbox did not make it, and takes no slot of a schedule', async () => {
    const source = `holdfast://${platform.id.replace('_', '-')}`;
    const forged = await ask(platform, 'backup.requested', { dataset: 'shop' }, { id: 'slot-of-tonight', source });
    await expectPartitionMovesOn();
    const letter = platform.bus.deadLetters.at(-1);
    expect(letter?.headers).toMatchObject({ 'holdfast-code': 'request.not-ours', ce_id: forged.id });
    expect(await runsOf(forged)).toEqual([]);
    expect(await platform.catalog(`SELECT FROM holdfast.inbox WHERE event_id = '${forged.id}'`)).toEqual([]);
    expect(await auditOf(forged)).toEqual([{ outcome: 'refused', action: forged.type, actor: 'unknown' }]);
  });
});

describe('what is well-formed but not allowed', () => {
  const restore = { dataset: 'shop', target: 'staging', destination: `${source}_new` };
  const refused = (data: object, named: string) => ({ data, named, code: 'request.refused' });
  const expired = { code: 'request.expired', named: 'expired' };

  it.each<[what: string, family: string, wish: { data: object; time?: string; code: string; named: string }]>([
    ['an unknown dataset', 'backup', refused({ dataset: 'nobody' }, 'nobody')],
    ['a dataset that no name allows', 'backup', refused({ dataset: '../escape' }, '../escape')],
    ['an unknown dataset', 'restore', refused({ ...restore, dataset: 'nobody' }, 'nobody')],
    ['a target that no name allows', 'restore', refused({ ...restore, target: '../escape' }, '../escape')],
    ['an unknown target', 'restore', refused({ ...restore, target: 'elsewhere' }, 'elsewhere')],
    ['a database that is not allowed', 'restore', refused({ ...restore, destination: 'payroll' }, 'payroll')],
    ['by default the dataset’s own database', 'restore', refused({ dataset: 'shop', target: 'staging' }, source)],
    ['a strategy that is not accepted', 'restore', refused({ ...restore, strategy: 'in-place' }, 'in-place')],
    ['an unknown profile', 'restore', refused({ ...restore, profile: 'nope' }, 'nope')],
    ['an old request, come again', 'restore', { ...expired, data: restore, time: TWO_HOURS_AGO }],
    ['one that was good for less', 'restore', { ...expired, data: { ...restore, expiresAt: TWO_HOURS_AGO } }],
  ])('is rejected, audited and never run: %s (%s)', async (_what, family, { data, time, code, named }) => {
    const asked = await ask(platform, `${family}.requested`, data, time === undefined ? {} : { time });
    const rejected = await platform.next(`${family}.rejected`, causedBy(asked));
    expect(rejected.data).toMatchObject({ requestId: asked.id, requestSource: asked.source, error: { code } });
    expect(rejected.data.error.message).toContain(named);
    expect(rejected.data.error.hint).toMatch(A_SENTENCE);
    expect(rejected.data.error.context).toEqual({});
    expect(await auditOf(asked)).toEqual([{ outcome: 'rejected', action: asked.type, actor: asked.source }]);
    expect(await runsOf(asked)).toEqual([]);
  });

  it('is rejected: to cancel an unknown run', async () => {
    const runId = '01987654-3210-7fff-bfff-ffffffffffff';
    const asked = await ask(platform, 'run.cancel-requested', { runId });
    const rejected = await platform.next('run.rejected', causedBy(asked));
    expect(rejected.data).toMatchObject({ runId, requestId: asked.id, error: { code: 'run.missing' } });
    expect(await auditOf(asked)).toMatchObject([{ outcome: 'rejected' }]);
  });
});

describe('in the end', () => {
  it('services stop at SIGTERM with exit code 0, and no secret shows anywhere', async () => {
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0 });
    expect(await findSecrets(platform)).toEqual([]);
  });
});
