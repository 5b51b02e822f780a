import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { S3Bed } from '#common/testing/s3-bed.js';
import { startReadOnlyGateway } from '#common/testing/s3-gateway.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, newPassword, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, causedBy } from '../support/request.js';
import { findSecrets, findSecretsInCommandLines, listObjects } from '../support/secret-hunt.js';
import { StallingGate } from '../support/stalling-gate.js';

const MIB = 1024 * 1024;
const A_SENTENCE = /^[A-Z].* .*[.]$/;
const source = newId();
const { host, port, binDir } = endpoints.postgres18;
const toolDirectories = [binDir];

let platform: Platform;
let backup: ServerLogin;
let filtered: ServerLogin;
let sealed: S3Bed;
let readOnly: Awaited<ReturnType<typeof startReadOnlyGateway>>;
const gates: StallingGate[] = [];

/** A server that is newer than every client there is: it says so in its answers, and is the real one otherwise. */
const asNewer = (chunk: Buffer): Buffer => {
  const at = chunk.indexOf(String(18 * 10_000).slice(0, 4));
  const isVersion = at >= 0 && /^18\d{4}$/.test(chunk.toString('latin1', at, at + 6));
  return isVersion ? Buffer.concat([chunk.subarray(0, at), Buffer.from('99'), chunk.subarray(at + 2)]) : chunk;
};

async function gate(options: Partial<Parameters<typeof StallingGate.open>[0]>): Promise<StallingGate> {
  const opened = await StallingGate.open({ host, port, ...options });
  gates.push(opened);
  return opened;
}

/** Big enough that the first part of the object is already in the storage when the dump stands still. */
const stalling = () => gate({ stallAfterBytes: 40 * MIB });

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  filtered = await ServerLogin.create(`${source}_filtered`, 'NOBYPASSRLS IN ROLE pg_read_all_data');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer(
    'postgres18',
    source,
    `CREATE TABLE notes AS SELECT n, string_agg(md5(random()::text), '') AS text
     FROM generate_series(1, 24000) n, generate_series(1, 64) GROUP BY n`,
    'ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
    'CREATE POLICY own ON notes USING (false)',
  );
  sealed = await S3Bed.make();
  readOnly = await startReadOnlyGateway();
});

afterAll(async () => {
  await platform?.close();
  for (const each of gates) await each.close();
  await readOnly?.stop();
  await sealed?.dispose();
  await dropDatabases('postgres18', `${source}%`);
  await backup?.drop();
  await filtered?.drop();
});

let dying: StallingGate;
let cancelled: StallingGate;
let terminated: StallingGate;

beforeAll(async () => {
  [dying, cancelled, terminated] = [await stalling(), await stalling(), await stalling()];
  const newer = await gate({ rewrite: asNewer });
  const sealedUrl = `s3://${sealed.bucket}/prod`;
  const wrongPassword = newPassword();
  const dataset = (url: string, change: object = {}) => ({
    ...{ kind: 'postgres', url, repositories: ['storage'], toolDirectories },
    ...{ compression: { level: 1, threads: 1 }, fingerprint: [] },
    ...change,
  });
  const { endpoint, accessKeyId } = endpoints.s3;
  const s3 = { accessKeyId, secretAccessKey: '${env:S3_KEY}' };
  platform = await Platform.start({
    services: ['scheduler', 'executor'],
    secrets: {
      SHOP_URL: backup.url(source),
      SHOP_PASSWORD: backup.password,
      DYING_URL: backup.url(source, dying.port),
      CANCELLED_URL: backup.url(source, cancelled.port),
      TERMINATED_URL: backup.url(source, terminated.port),
      NEWER_URL: backup.url(source, newer.port),
      MISSING_URL: backup.url(`${source}_gone`),
      CLOSED_URL: backup.url(source, 9),
      FILTERED_URL: filtered.url(source),
      WRONG_URL: backup.url(source).replace(backup.password, wrongPassword),
      WRONG_PASSWORD: wrongPassword,
    },
    config: {
      executor: { concurrency: 4, slotsPerHost: 4 },
      repositories: {
        gone: { ...s3, url: `s3://${source.replace('_', '-')}-gone/prod`, endpoint },
        sealed: { ...s3, url: sealedUrl, endpoint: readOnly.endpoint },
        'wrong-key': { ...s3, url: sealedUrl, endpoint, accessKeyId: 'nobody' },
        away: { ...s3, url: 's3://holdfast/prod', endpoint: 'http://127.0.0.1:9' },
      },
      datasets: {
        dying: dataset('${env:DYING_URL}'),
        cancelled: dataset('${env:CANCELLED_URL}'),
        terminated: dataset('${env:TERMINATED_URL}'),
        newer: dataset('${env:NEWER_URL}'),
        'wrong-password': dataset('${env:WRONG_URL}'),
        filtered: dataset('${env:FILTERED_URL}'),
        'no-database': dataset('${env:MISSING_URL}'),
        'no-server': dataset('${env:CLOSED_URL}'),
        shop: dataset('${env:SHOP_URL}'),
        'no-bucket': dataset('${env:SHOP_URL}', { repositories: ['gone'] }),
        'sealed-bucket': dataset('${env:SHOP_URL}', { repositories: ['sealed'] }),
        'wrong-key': dataset('${env:SHOP_URL}', { repositories: ['wrong-key'] }),
        'no-storage': dataset('${env:SHOP_URL}', { repositories: ['away'] }),
      },
    },
  });
});

/** The fact of the failure, and that nothing of the backup is left: no manifest, no object, no part of one. */
async function failureOf(asked: Asked) {
  const failed = await platform.next('backup.failed', causedBy(asked));
  expect(platform.bus.of('backup.completed', causedBy(asked))).toEqual([]);
  expect(await listObjects(platform)).toEqual(['prod/repository.json']);
  expect(await platform.storage.countUnfinished()).toBe(0);
  expect(failed.data).toMatchObject({ dataset: (asked.data as { dataset: string }).dataset, attempts: 1 });
  return failed.data.error as { code: string; message: string; hint: string };
}

/** By now part of the dump lies in the bucket, in an upload that is not complete and that no reader sees. */
const untilUploading = (gate: StallingGate) =>
  gate.stalled.then(() =>
    waitUntil('the first part is uploaded', async () => (await platform.storage.countUnfinished()) > 0),
  );

describe('a backup that cannot be made says why, tells the next step and leaves nothing behind', () => {
  it.each([
    ['wrong-password', 'postgres.auth', 'password'],
    ['filtered', 'postgres.rls-hidden', 'BYPASSRLS'],
    ['no-database', 'postgres.database-missing', 'create the database'],
    ['no-server', 'postgres.unreachable', 'server runs'],
    ['newer', 'postgres.tool-too-old', 'postgresql-client-99'],
    ['no-bucket', 'repository.missing', 'Create the bucket'],
    ['sealed-bucket', 'repository.denied', 'read, write, list'],
    ['wrong-key', 'repository.denied', 'keys of the repository'],
    ['no-storage', 'repository.unavailable', 'storage under'],
  ])('%s: %s', async (dataset, code, next) => {
    const error = await failureOf(await ask(platform, 'backup.requested', { dataset }));
    expect(error).toMatchObject({ code, hint: expect.stringMatching(A_SENTENCE) });
    expect(error.hint).toContain(next);
  });

  it('the source dies in the middle of the dump', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'dying' });
    await untilUploading(dying);
    dying.cut();
    const error = await failureOf(asked);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(engine[.]exit|postgres[.]unreachable)$/) });
    expect(error.hint).toMatch(A_SENTENCE);
  });

  it('the server ends the sessions in the middle of the dump', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'terminated' });
    await untilUploading(terminated);
    await onServer(
      'postgres18',
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${backup.user}'`,
    );
    const error = await failureOf(asked);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(engine[.]exit|postgres[.]unreachable)$/) });
    expect(error.hint).toMatch(A_SENTENCE);
  });

  it('an operator cancels it in the middle of the dump', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'cancelled' });
    await untilUploading(cancelled);
    expect(await findSecretsInCommandLines(platform)).toEqual([]);
    const started = await platform.next('backup.started', causedBy(asked));
    const cancel = await ask(platform, 'run.cancel-requested', { runId: started.data.runId, reason: 'wrong day' });
    const error = await failureOf(asked);
    expect(error).toMatchObject({ code: 'run.cancelled', message: expect.stringContaining('wrong day') });
    expect(error.hint).toMatch(A_SENTENCE);
    const run = `SELECT state FROM holdfast.runs WHERE id = '${started.data.runId}'`;
    expect(await platform.catalog(run)).toEqual([{ state: 'cancelled' }]);
    const audit = `SELECT outcome FROM holdfast.audit WHERE subject = '${cancel.id}'`;
    expect(await platform.catalog(audit)).toEqual([{ outcome: 'accepted' }]);
    const again = await ask(platform, 'run.cancel-requested', { runId: started.data.runId });
    const refused = await platform.next('run.rejected', causedBy(again));
    expect(refused.data.error).toMatchObject({
      code: 'request.refused',
      message: expect.stringContaining('cancelled'),
    });
  });
});

describe('an executor on a machine without zstd', () => {
  it('says which program is missing, and what to install', async () => {
    expect(await platform.app('executor').stop()).toBe(0);
    await platform.startApp('executor', { PATH: platform.folder });
    const error = await failureOf(await ask(platform, 'backup.requested', { dataset: 'shop' }));
    expect(error).toMatchObject({ code: 'engine.spawn', message: expect.stringContaining('zstd') });
    expect(error.hint).toContain('Install the named program');
  });
});

describe('in the end', () => {
  it('no session is left on the server, services stop with exit code 0, and no secret shows anywhere', async () => {
    const sessions = `SELECT application_name FROM pg_stat_activity WHERE usename IN ('${backup.user}', '${filtered.user}')`;
    await waitUntil(
      'the sessions are gone',
      async () => (await onServer('postgres18', 'postgres', sessions)).length === 0,
    );
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0 });
    expect(await findSecrets(platform)).toEqual([]);
  });
});
