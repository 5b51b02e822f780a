import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { endpoints } from '#tools/services/endpoints.js';

type Server = 'postgres18' | 'postgres15';

export const newPassword = (): string => `pw-${randomBytes(12).toString('hex')}`;

/** Runs statements one by one as the server's superuser, in the named database. */
export async function onServer<Row extends object>(
  server: Server,
  database: string,
  ...statements: readonly string[]
): Promise<Row[]> {
  return onUrl(urlOf(server, { database }), ...statements);
}

/** The same with any login, on any server. */
export async function onUrl<Row extends object>(url: string, ...statements: readonly string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

export interface Login {
  readonly user?: string;
  readonly password?: string;
  readonly port?: number;
  readonly database: string;
}

/** The url of a database for a login; default: the superuser. */
export function urlOf(server: Server, { user, password, port, database }: Login): string {
  const url = new URL(endpoints[server].url);
  if (user !== undefined) url.username = user;
  if (password !== undefined) url.password = password;
  if (port !== undefined) url.port = String(port);
  url.pathname = `/${database}`;
  return url.href;
}

/** A role with a password of its own, so that the password can be hunted for wherever it must not be. */
export class ServerLogin {
  readonly password = newPassword();

  private constructor(
    readonly user: string,
    readonly server: Server,
  ) {}

  static async create(user: string, attributes: string, server: Server = 'postgres18'): Promise<ServerLogin> {
    const login = new ServerLogin(user, server);
    await onServer(server, 'postgres', `CREATE ROLE ${user} LOGIN ${attributes} PASSWORD '${login.password}'`);
    return login;
  }

  url(database: string, port?: number): string {
    const { user, password } = this;
    return urlOf(this.server, { user, password, database, ...(port === undefined ? {} : { port }) });
  }

  async drop(): Promise<void> {
    await onServer(this.server, 'postgres', `DROP ROLE IF EXISTS ${this.user}`);
  }
}

/** Drops databases by a pattern of LIKE, with the sessions in them. */
export async function dropDatabases(server: Server, pattern: string): Promise<void> {
  const found = await onServer<{ datname: string }>(
    server,
    'postgres',
    `SELECT datname FROM pg_database WHERE datname LIKE '${pattern}'`,
  );
  for (const { datname } of found) {
    await onServer(server, 'postgres', `DROP DATABASE IF EXISTS "${datname}" WITH (FORCE)`);
  }
}
