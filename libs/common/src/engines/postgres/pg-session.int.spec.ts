import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AppError } from '#common/errors/app-error.js';
import { type PgConnection, parsePgUrl } from '#common/pg/connection.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import { PgSession, withPgSession } from './pg-session.js';

const { signal } = new AbortController();
const session = { signal, applicationName: 'spec' };
const server = parsePgUrl(endpoints.postgres18.url);
const withTls = { ...parsePgUrl(endpoints.postgres15.url), sslRootCert: endpoints.postgres15.caFile };

async function errorOf(connection: PgConnection): Promise<AppError> {
  try {
    await withPgSession(connection, session, () => Promise.resolve());
  } catch (error) {
    return error as AppError;
  }
  throw new Error('the connection was accepted');
}

async function listen(host: string, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const isEncrypted = (connection: PgConnection): Promise<boolean | undefined> =>
  withPgSession(connection, session, async (each) => {
    const { ssl } = await each.queryOne<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return ssl;
  });

describe('errors', () => {
  let scratch: ScratchDatabase;
  beforeAll(async () => {
    scratch = await ScratchDatabase.create('postgres18', 'CREATE TABLE secret (id int)');
  });
  afterAll(() => scratch.drop());

  it('tells a wrong password, and does not repeat it', async () => {
    const error = await errorOf({ ...server, password: 'hunter2-wrong' });
    expect(error).toMatchObject({ code: 'postgres.auth', retryable: false, context: { sqlState: '28P01' } });
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('hunter2');
  });

  it('tells a missing password, an unknown role and an unknown database apart', async () => {
    expect(await errorOf({ ...server, password: undefined })).toMatchObject({ code: 'postgres.auth' });
    expect(await errorOf({ ...server, user: 'nobody-here' })).toMatchObject({ code: 'postgres.auth' });
    expect(await errorOf({ ...server, database: 'no such database' })).toMatchObject({
      code: 'postgres.database-missing',
      message: expect.stringContaining('"no such database" does not exist'),
    });
  });

  it('calls a server that does not answer unreachable, which is worth a retry', async () => {
    const unreachable = { code: 'postgres.unreachable', retryable: true };
    expect(await errorOf({ ...server, port: 1 })).toMatchObject({ ...unreachable, context: { errno: 'ECONNREFUSED' } });
    expect(await errorOf({ ...server, host: 'nowhere.invalid' })).toMatchObject(unreachable);
  });

  it('gives up connecting to a server that says nothing', async () => {
    const silent = createServer();
    const port = await listen('127.0.0.1', silent);
    const opening = PgSession.open({ ...server, port, sslMode: 'disable' }, { ...session, connectTimeoutMs: 100 });
    await expect(opening).rejects.toMatchObject({ code: 'postgres.unreachable' });
    silent.close();
  });

  it('names a refused right', async () => {
    const role = await scratch.createRole('reader', `LOGIN PASSWORD 'reader'`);
    const reading = withPgSession(scratch.connectionOf(role, 'reader'), session, (each) =>
      each.query('SELECT * FROM secret'),
    );
    await expect(reading).rejects.toMatchObject({
      code: 'postgres.permission',
      message: expect.stringContaining('permission denied for table secret'),
    });
  });
});

describe('a session', () => {
  it('says why it was lost', async () => {
    await withPgSession(server, session, async (victim) => {
      await withPgSession(server, session, (other) =>
        other.query('SELECT pg_terminate_backend($1)', [victim.backendPid]),
      );
      expect(await victim.whenLost).toMatchObject({ code: 'postgres.unreachable', context: { sqlState: '57P01' } });
      await expect(victim.query('SELECT 1')).rejects.toMatchObject({ code: 'postgres.unreachable' });
    });
  });

  it('ends at once when aborted, with the reason, and the server stops working for it', async () => {
    const abort = new AbortController();
    const reason = new Error('claim lost');
    const victim = await PgSession.open(server, { signal: abort.signal, applicationName: 'spec-aborted' });
    const activity = (query: string): Promise<boolean> =>
      withPgSession(server, session, async (each) => {
        const rows = await each.query(`SELECT FROM pg_stat_activity WHERE pid = $1 AND query LIKE $2`, [
          victim.backendPid,
          query,
        ]);
        return rows.length > 0;
      });
    const sleeping = victim.query('SELECT pg_sleep(60)');
    while (!(await activity('%pg_sleep%'))) await sleep(10);
    abort.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(PgSession.open(server, { signal: abort.signal, applicationName: 'spec' })).rejects.toBe(reason);
    while (await activity('%')) await sleep(50);
  });

  it('closes although the server is frozen', async () => {
    const victim = await PgSession.open(server, session);
    process.kill(victim.backendPid, 'SIGSTOP');
    try {
      await victim.close();
    } finally {
      process.kill(victim.backendPid, 'SIGCONT');
    }
  }, 30_000);

  it('is not hidden rows from, nor timed out, whatever the role has set', async () => {
    const scratch = await ScratchDatabase.create('postgres18');
    const role = await scratch.createRole('strict', `LOGIN PASSWORD 'strict'`);
    await scratch.onServer(
      `ALTER ROLE ${role} SET statement_timeout = '1s'`,
      `ALTER ROLE ${role} SET row_security = on`,
    );
    const settings = await withPgSession(scratch.connectionOf(role, 'strict'), session, (each) =>
      each.queryOne(`SELECT current_setting('statement_timeout') AS statement, current_setting('row_security') AS rls`),
    );
    expect(settings).toEqual({ statement: '0', rls: 'off' });
    await scratch.drop();
  });
});

describe('TLS', () => {
  it('is preferred where the server has it, and done without where it has not', async () => {
    expect(await isEncrypted({ ...withTls, sslMode: 'prefer' })).toBe(true);
    expect(await isEncrypted({ ...withTls, sslMode: 'disable' })).toBe(false);
    expect(await isEncrypted({ ...server, sslMode: 'prefer' })).toBe(false);
    expect(await errorOf({ ...server, sslMode: 'require' })).toMatchObject({ code: 'postgres.tls' });
  });

  it('verifies authority and name as asked', async () => {
    expect(await isEncrypted({ ...withTls, sslMode: 'verify-full' })).toBe(true);
    expect(await isEncrypted({ ...withTls, sslMode: 'verify-ca' })).toBe(true);
    expect(await errorOf({ ...withTls, sslMode: 'verify-ca', sslRootCert: undefined })).toMatchObject({
      code: 'postgres.tls',
    });
    expect(await errorOf({ ...withTls, sslMode: 'verify-full', sslRootCert: '/nowhere/ca.crt' })).toMatchObject({
      code: 'postgres.tls',
    });
  });

  it('accepts no other name than that of the certificate', async () => {
    // The certificate is for 127.0.0.1 and localhost.
    const gate = await TcpGate.open({ host: '127.0.0.1', port: withTls.port }, { at: { host: '127.0.0.2', port: 0 } });
    const elsewhere = { ...withTls, host: '127.0.0.2', port: gate.port };
    expect(await isEncrypted({ ...elsewhere, sslMode: 'verify-ca' })).toBe(true);
    expect(await errorOf({ ...elsewhere, sslMode: 'verify-full' })).toMatchObject({ code: 'postgres.tls' });
    await gate.close();
  });
});
