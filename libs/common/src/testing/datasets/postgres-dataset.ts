import { randomUUID } from 'node:crypto';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { withDatabase } from '#common/pg/connection.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';

const { signal } = new AbortController();

/** A database, and the databases that a spec restores it to beside it. */
export async function startPostgresDataset(
  server: 'postgres18' | 'postgres15' = 'postgres18',
): Promise<DatasetFixture> {
  const scratch = await ScratchDatabase.create(
    server,
    'CREATE TABLE items (id uuid PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT clock_timestamp())',
    'CREATE VIEW recent AS SELECT * FROM items ORDER BY written_at DESC LIMIT 10',
  );
  const { user, password = '', host, port } = scratch.connection;
  const url = `postgres://${user}:${password}@${host}:${port}`;
  const reader = await scratch.createRole('reader', `LOGIN PASSWORD 'reads'`);
  const made: string[] = [];
  const exists = async (name: string): Promise<boolean> =>
    (await onServer('SELECT FROM pg_database WHERE datname = $1', [name])).length > 0;
  const onServer = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    on('postgres', text, values);
  const on = <Row extends object>(database: string, text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    withPgSession(withDatabase(scratch.connection, database), { signal, applicationName: 'spec' }, (session) =>
      session.query<Row>(text, values),
    );
  const read = async (name = scratch.name): Promise<string | null> => {
    if (!(await exists(name))) return null;
    const [row] = await on<{ all: string }>(
      name,
      `SELECT coalesce(string_agg(i::text, E'\n' ORDER BY i), '') AS all FROM items i`,
    );
    return row?.all ?? '';
  };
  return {
    engine: postgres,
    dataset: { url: `${url}/${scratch.name}`, toolDirectories: [scratch.binDir] },
    target: { url, toolDirectories: [scratch.binDir], privileges: 'keep' },
    method: 'dump',
    replacing: 'in-place',
    probes: ['checksums', 'archive-list', 'row-counts', 'fingerprints', 'schema', 'privileges'],
    unfit: [
      {
        what: 'a server that is not there',
        dataset: { url: 'postgres://127.0.0.1:9/shop' },
        code: 'postgres.unreachable',
      },
      {
        what: 'a database that is not there',
        dataset: { url: `${url}/spec_nowhere` },
        code: 'postgres.database-missing',
      },
      {
        what: 'a wrong password',
        dataset: { url: `postgres://${reader}:wrong@${host}:${port}/${scratch.name}` },
        code: 'postgres.auth',
      },
      {
        what: 'a role that may not read everything',
        dataset: { url: `postgres://${reader}:reads@${host}:${port}/${scratch.name}` },
        code: 'postgres.permission',
      },
    ],
    write: async (name = scratch.name) => void (await on(name, 'INSERT INTO items VALUES ($1)', [randomUUID()])),
    read,
    destroy: () => scratch.onServer(`DROP DATABASE "${scratch.name}" WITH (FORCE)`),
    newDestination: () => {
      const name = `${scratch.name}_r${made.length}`;
      made.push(name);
      return name;
    },
    leftovers: async (runIds) => {
      const rows = await onServer<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE datname LIKE 'holdfast%'`,
      );
      return rows.map(({ name }) => name).filter((name) => runIds.some((id) => name.includes(id.replaceAll('-', ''))));
    },
    byHand: {
      environment: {
        ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password },
        PATH: `${scratch.binDir}:/usr/bin:/bin`,
      },
      read: () => read(),
    },
    clear: async () => {
      for (const name of made) await scratch.onServer(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    },
    close: () => scratch.drop(),
  };
}
