import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { hostsOf, parsePgUrl, toPgLabel } from './connection.js';
import { toPgEnvironment } from './environment.js';
import { IGNORED, PARAMETERS, REFUSED } from './parameters.js';

function problemOf(url: string): AppError {
  try {
    parsePgUrl(url);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`${url} was accepted`);
}

describe('parsePgUrl', () => {
  it('unescapes every part', () => {
    expect(parsePgUrl('postgres://a%40b:50%25%20off@db.example:6432/my%20shop?sslmode=require')).toMatchObject({
      ...{ host: 'db.example', port: 6432, user: 'a@b', password: '50% off', database: 'my shop' },
      ...{ sslMode: 'require', sslRootCert: undefined, ignored: [] },
    });
  });

  it.each([
    ['postgres://db', ['db:5432'], 'postgres'],
    ['postgres://db/shop', ['db:5432'], 'shop'],
    ['postgres://one:1,two,[::1]:3/shop', ['one:1', 'two:5432', '::1:3'], 'shop'],
    ['postgres://%2Frun%2Fpg:6000/shop', ['/run/pg:6000'], 'shop'],
    ['postgres:///shop?host=/run/pg', ['/run/pg:5432'], 'shop'],
    ['postgres://one:1/shop?host=two', ['two:1'], 'shop'],
    ['postgres://one,two/shop?port=7', ['one:7', 'two:7'], 'shop'],
    ['postgres:///shop?hostaddr=10.0.0.1,fe80::1&port=1,2', ['10.0.0.1:1', 'fe80::1:2'], 'shop'],
  ])('reads %s', (url, hosts, database) => {
    const connection = parsePgUrl(url);
    expect(hostsOf(connection).map(({ host, port }) => `${host}:${port}`)).toEqual(hosts);
    expect(connection.database).toBe(database);
  });

  it('takes signs in a password that the web would cut it at', () => {
    expect(parsePgUrl('postgres://shop:a#b@c:d@db/shop')).toMatchObject({ password: 'a#b@c:d', host: 'db' });
  });

  it('calls a percent sign that is no escape a mistake of the configuration, and shows nothing of the url', () => {
    const error = problemOf('postgres://shop:hidden%Zpassword@db/shop');
    expect(error.code).toBe('config.invalid');
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('hidden');
  });

  it.each([
    'mysql://root:hidden@db/shop',
    'postgres:db',
    'postgres://shop:hidden@/shop',
    'postgres://shop:hidden@db:http/shop',
    'postgres://shop:hidden@db:70000/shop',
    'postgres://shop:hidden@db,/shop',
    'postgres://shop:hidden@@abstract/shop?host=@abstract',
    'postgres://shop:hidden@db/shop?hostaddr=10.0.0.1,10.0.0.2',
    'postgres://shop:hidden@db/shop?sslmode=',
    'postgres://shop:hidden@db/shop?connect_timeout=0',
    'postgres://shop:hidden@db/shop?channel_binding=yes',
    'postgres://shop:hidden@db/shop?sslmode=require&sslmode=disable',
    'postgres://shop:hidden@db/shop?sslrootcert=system&sslmode=require',
    'postgres://shop:hidden?x@db/shop',
  ])('refuses %s, and shows no password', (url) => {
    const error = problemOf(url);
    expect(error.code).toBe('config.invalid');
    expect(error.message).not.toContain('hidden');
  });

  it('refuses by name what it does not know, so that no wish for safety is lost by a slip', () => {
    expect(problemOf('postgres://db/shop?sslmod=verify-full').message).toContain('"sslmod"');
    expect(problemOf('postgres://db/shop?ssl=true').message).toMatch(/"ssl".*sslmode=require/);
    for (const name of REFUSED.keys()) expect(problemOf(`postgres://db/shop?${name}=1`).message).toContain(`"${name}"`);
  });

  it('keeps the names of what is of other tools', () => {
    const url = 'postgres://db/shop?schema=public&pgbouncer=true&connection_limit=5&sslmode=disable';
    expect(parsePgUrl(url)).toMatchObject({ ignored: ['schema', 'pgbouncer', 'connection_limit'], sslMode: 'disable' });
  });

  it('means one thing by each parameter', () => {
    const all = [...PARAMETERS, ...IGNORED, ...REFUSED.keys()];
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  });
});

describe('toPgEnvironment', () => {
  it('leads libpq to every host in turn, and never to a password of the label', () => {
    const connection = parsePgUrl(
      'postgres://shop:hidden@one:1,two/shop?target_session_attrs=primary&hostaddr=,10.0.0.2',
    );
    expect(toPgEnvironment(connection, 'spec')).toMatchObject({
      ...{ PGHOST: 'one,two', PGPORT: '1,5432', PGHOSTADDR: ',10.0.0.2', PGTARGETSESSIONATTRS: 'primary' },
      ...{ PGPASSWORD: 'hidden', PGSSLMODE: 'prefer', PGCONNECT_TIMEOUT: '15' },
    });
    expect(toPgLabel(connection)).toBe('shop@one:1,two:5432/shop');
  });
});
