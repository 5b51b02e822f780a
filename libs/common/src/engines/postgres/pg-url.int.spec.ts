import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCatalog } from '#common/catalog/catalog.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { runCommand } from '#common/process/run-command.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import { withPgSession } from './pg-session.js';

const { signal } = new AbortController();
const { postgres18, postgres15 } = endpoints;
const SEEN = `
  SELECT json_build_object(
    'database', current_database(), 'user', current_user, 'port', current_setting('port')::int,
    'tls', ssl.version, 'certificate', ssl.client_dn, 'workMem', current_setting('work_mem'),
    'readOnly', current_setting('default_transaction_read_only')) AS seen
  FROM pg_stat_ssl ssl WHERE pid = pg_backend_pid()`;

type Seen = Readonly<Record<string, unknown>>;

/** As Holdfast's own sessions see it. */
const byDriver = (url: string): Promise<Seen> =>
  withPgSession(parsePgUrl(url), { signal, applicationName: 'spec' }, async (session) => {
    const { seen } = await session.queryOne<{ seen: Seen }>(SEEN);
    return seen;
  });

/** As pg_dump, pg_restore and psql see it, with libpq of both versions. */
async function byLibpq(url: string, binDir: string): Promise<Seen> {
  const env = toPgEnvironment(parsePgUrl(url), 'spec');
  const args = ['--no-psqlrc', '--no-align', '--tuples-only', '--no-password', '--command', SEEN];
  const { stdout } = await runCommand({ program: join(binDir, 'psql'), args, env }, { signal });
  return JSON.parse(stdout) as Seen;
}

async function seenBothWays(url: string): Promise<Seen> {
  const seen = await byDriver(url);
  // The libpq of 18 is built without TLS.
  const isPlain = seen['tls'] === null;
  for (const binDir of isPlain ? [postgres15.binDir, postgres18.binDir] : [postgres15.binDir])
    expect(await byLibpq(url, binDir)).toEqual(seen);
  return seen;
}

async function refusedBothWays(url: string): Promise<unknown> {
  await expect(byLibpq(url, postgres15.binDir)).rejects.toMatchObject({ code: 'engine.exit' });
  return byDriver(url).then(
    () => 'accepted',
    ({ code }) => code,
  );
}

async function withVariables<T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

let folder: string;
let first: ScratchDatabase;
let second: ScratchDatabase;
const servers: Server[] = [];
const gates: TcpGate[] = [];
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-urls-'));
  first = await ScratchDatabase.create('postgres18');
  second = await ScratchDatabase.create('postgres15');
  await makeCertificates();
});
afterAll(async () => {
  for (const server of servers) server.close();
  for (const gate of gates) await gate.close();
  await first.drop();
  await second.drop();
  await rm(folder, { recursive: true });
});

/** Of a client and of another authority; and a list that revokes the server's own. */
async function makeCertificates(): Promise<void> {
  const openssl = (...args: string[]) => runCommand({ program: 'openssl', args }, { signal });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = { cert: postgres15.caFile, key: join(dirname(postgres15.caFile), 'server.key') };
  await openssl('req', ...key, '-subj', '/CN=backup', '-keyout', file('client.key'), '-out', file('client.csr'));
  const signing = ['-CA', ca.cert, '-CAkey', ca.key, '-CAserial', file('serial'), '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', file('client.csr'), ...signing, '-out', file('client.crt'));
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    '/CN=other',
    '-keyout',
    file('other.key'),
    '-out',
    file('other.crt'),
  );
  await writeFile(file('index.txt'), '');
  const database = `[ca]\ndefault_ca = one\n[one]\ndatabase = ${file('index.txt')}\ndefault_md = sha256\ndefault_crl_days = 2\n`;
  await writeFile(file('ca.cnf'), database);
  const authority = ['-config', file('ca.cnf'), '-keyfile', ca.key, '-cert', ca.cert];
  await openssl('ca', ...authority, '-gencrl', '-out', file('nothing.crl'));
  await openssl('ca', ...authority, '-revoke', ca.cert);
  await openssl('ca', ...authority, '-gencrl', '-out', file('server.crl'));
}

/** A way to a server under another address: of a host, or as the socket file of a folder. */
async function forward(to: { readonly port: number }, at: { host: string } | { path: string }): Promise<number> {
  const gate = await TcpGate.open({ host: '127.0.0.1', port: to.port }, { at });
  gates.push(gate);
  return gate.port;
}

const login = 'postgres:postgres@';
const url15 = (query: string): string => `postgres://${login}localhost:${postgres15.port}/${second.name}?${query}`;

describe('a url means the same to our own sessions and to libpq', () => {
  it('with a host, a database and a login', async () => {
    const seen = await seenBothWays(`postgres://${login}127.0.0.1:${postgres18.port}/${first.name}`);
    expect(seen).toMatchObject({ database: first.name, user: 'postgres', port: postgres18.port, tls: null });
  });

  it('with everything in parameters', async () => {
    const query = `host=127.0.0.1&port=${postgres18.port}&dbname=${first.name}&user=postgres&password=postgres`;
    expect(await seenBothWays(`postgresql:///?${query}`)).toMatchObject({ database: first.name });
  });

  it('over a Unix socket, however its folder is written, and without TLS whatever is asked for', async () => {
    await forward(postgres18, { path: file('.s.PGSQL.6001') });
    const expected = { database: first.name, port: postgres18.port, tls: null };
    expect(await seenBothWays(`postgres://${login}/${first.name}?host=${folder}&port=6001`)).toMatchObject(expected);
    const escaped = encodeURIComponent(folder);
    expect(await seenBothWays(`postgres://${login}${escaped}:6001/${first.name}?sslmode=require`)).toMatchObject(
      expected,
    );
    const behind = `postgres://${login}localhost/${first.name}?host=${escaped}&port=6001`;
    expect(await seenBothWays(behind)).toMatchObject(expected);
  });

  it('with an address beside the name', async () => {
    const away = `postgres://${login}nowhere.invalid:${postgres18.port}/${first.name}`;
    expect(await refusedBothWays(away)).toBe('postgres.unreachable');
    expect(await seenBothWays(`${away}?hostaddr=127.0.0.1`)).toMatchObject({ port: postgres18.port });
  });

  it('with several hosts: the first that answers and is what was asked for', async () => {
    await second.execute(`CREATE DATABASE ${first.name}`);
    await first.execute(`ALTER DATABASE ${first.name} SET default_transaction_read_only = on`);
    try {
      const on = (...ports: number[]) =>
        `postgres://${login}${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${first.name}`;
      const both = on(1, postgres18.port, postgres15.port);
      expect(await seenBothWays(both)).toMatchObject({ port: postgres18.port });
      const readWrite = `${both}?target_session_attrs=read-write&sslmode=disable`;
      expect(await seenBothWays(readWrite)).toMatchObject({ port: postgres15.port });
      expect(await seenBothWays(`${both}?target_session_attrs=read-only`)).toMatchObject({ port: postgres18.port });
      expect(await seenBothWays(`${both}?target_session_attrs=prefer-standby`)).toMatchObject({
        port: postgres18.port,
      });
      expect(await refusedBothWays(`${both}?target_session_attrs=standby`)).toBe('postgres.unreachable');
      await expect(byDriver(on(1, 2))).rejects.toMatchObject({
        code: 'postgres.unreachable',
        message: expect.stringMatching(/127\.0\.0\.1:1: .*; 127\.0\.0\.1:2: /),
      });
      const catalog = await openCatalog({ url: readWrite, applicationName: 'spec' });
      await catalog.transaction((tx) => tx.now()).finally(() => catalog.close());
    } finally {
      await second.execute(`DROP DATABASE ${first.name} WITH (FORCE)`);
      await first.onServer(`ALTER DATABASE ${first.name} RESET default_transaction_read_only`);
    }
  });

  it('with options for the server process', async () => {
    const url = `postgres://${login}127.0.0.1:${postgres18.port}/${first.name}?options=-c%20work_mem%3D7MB`;
    expect(await seenBothWays(url)).toMatchObject({ workMem: '7MB' });
    const ambient = { PGOPTIONS: '-c work_mem=9MB', PGSSLMODE: 'require', PGHOST: 'nowhere.invalid', PGPORT: '1' };
    expect(await withVariables(ambient, () => seenBothWays(url))).toMatchObject({ workMem: '7MB' });
    const bare = `postgres://${login}127.0.0.1:${postgres18.port}/${first.name}`;
    expect(await withVariables(ambient, () => seenBothWays(bare))).toMatchObject({ workMem: '4MB' });
  });

  it('with as much patience', async () => {
    const silent = createServer();
    servers.push(silent);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const startedAt = performance.now();
    const url = `postgres://${login}127.0.0.1:${port}/x?connect_timeout=2`;
    expect(await refusedBothWays(url)).toBe('postgres.unreachable');
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  });
});

describe('a password', () => {
  const bare = (): string => `postgres://postgres@127.0.0.1:${postgres18.port}/${first.name}`;
  const empty = { PGPASSFILE: '/nowhere/pgpass' };

  it('comes from PGPASSWORD, else from the pass file, by libpq’s rules', async () => {
    expect(await withVariables({ ...empty, PGPASSWORD: 'postgres' }, () => seenBothWays(bare()))).toBeDefined();
    expect(await withVariables(empty, () => refusedBothWays(bare()))).toBe('postgres.auth');
    const lines = [
      '# localhost:*:*:*:comment',
      `127.0.0.1:${postgres18.port}:other:postgres:wrong`,
      `127.0.0.1:${postgres18.port}:${first.name}:post\\gres:postgres`,
      '*:*:*:*:wrong',
    ];
    await writeFile(file('pgpass'), `${lines.join('\n')}\n`, { mode: 0o600 });
    expect(await withVariables({ PGPASSFILE: file('pgpass') }, () => seenBothWays(bare()))).toBeDefined();
    expect(await withVariables(empty, () => seenBothWays(`${bare()}?passfile=${file('pgpass')}`))).toBeDefined();
    const over = { PGPASSFILE: file('pgpass'), PGPASSWORD: 'wrong' };
    expect(await withVariables(over, () => refusedBothWays(bare()))).toBe('postgres.auth');
  });

  it('is looked for in the home directory, and for each database and host anew', async () => {
    const elsewhere = withDatabase(parsePgUrl(`${bare()}?passfile=${file('pgpass')}`), 'postgres');
    await expect(
      withPgSession(elsewhere, { signal, applicationName: 'spec' }, async () => undefined),
    ).rejects.toMatchObject({ code: 'postgres.auth' });
    expect(toPgEnvironment(parsePgUrl(bare()), 'spec')['PGPASSFILE']).toBe(join(homedir(), '.pgpass'));
  });

  it('is not taken from a file that others may read, and the file is named', async () => {
    await chmod(file('pgpass'), 0o644);
    const url = `${bare()}?passfile=${file('pgpass')}`;
    expect(await refusedBothWays(url)).toBe('postgres.auth');
    await expect(byDriver(url)).rejects.toMatchObject({ message: expect.stringContaining(file('pgpass')) });
  });
});

describe('TLS', () => {
  it.each([
    ['is preferred', () => '', 'TLSv1.3'],
    ['is left out', () => 'sslmode=disable', null],
    ['is insisted on', () => 'sslmode=require', 'TLSv1.3'],
    ['verifies the authority', () => `sslmode=verify-ca&sslrootcert=${postgres15.caFile}`, 'TLSv1.3'],
    ['verifies the name', () => `sslmode=verify-full&sslrootcert=${postgres15.caFile}`, 'TLSv1.3'],
    ['is of a given version', () => 'sslmode=require&ssl_max_protocol_version=TLSv1.2', 'TLSv1.2'],
    ['binds the password to the channel', () => 'sslmode=require&channel_binding=require', 'TLSv1.3'],
    [
      'takes a list that revokes nothing',
      () => `sslmode=verify-full&sslrootcert=${postgres15.caFile}&sslcrl=${file('nothing.crl')}`,
      'TLSv1.3',
    ],
  ])('%s', async (_, query, tls) => {
    expect(await seenBothWays(url15(query()))).toMatchObject({ tls });
  });

  it.each([
    ['another authority', () => `sslmode=verify-ca&sslrootcert=${file('other.crt')}`, 'postgres.tls'],
    [
      'a name that is not in the certificate',
      () => `sslmode=verify-full&sslrootcert=${postgres15.caFile}&host=example.org&hostaddr=127.0.0.1`,
      'postgres.tls',
    ],
    ['an authority that is not there', () => 'sslmode=verify-full&sslrootcert=/nowhere/ca.crt', 'postgres.tls'],
    [
      'a revoked certificate',
      () => `sslmode=verify-full&sslrootcert=${postgres15.caFile}&sslcrl=${file('server.crl')}`,
      'postgres.tls',
    ],
    ['a channel that cannot be bound', () => 'sslmode=disable&channel_binding=require', 'postgres.auth'],
  ])('refuses %s', async (_, query, code) => {
    expect(await refusedBothWays(url15(query()))).toBe(code);
  });

  it('shows a certificate of its own, whose key no other may read', async () => {
    const query = `sslmode=require&sslcert=${file('client.crt')}&sslkey=${file('client.key')}`;
    await chmod(file('client.key'), 0o600);
    expect(await seenBothWays(url15(query))).toMatchObject({ certificate: '/CN=backup' });
    await chmod(file('client.key'), 0o644);
    expect(await refusedBothWays(url15(query))).toBe('postgres.tls');
  });

  it('trusts the system’s authorities when asked, with every version of libpq', async () => {
    const query = 'sslrootcert=system';
    expect(await refusedBothWays(url15(query))).toBe('postgres.tls');
    await writeFile(file('system.crt'), await readFile(postgres15.caFile));
    const trusting = await withVariables({ SSL_CERT_FILE: file('system.crt') }, () => seenBothWays(url15(query)));
    expect(trusting).toMatchObject({ tls: 'TLSv1.3' });
  });
});
