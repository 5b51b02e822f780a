import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { temporal } from '#common/engines/temporal/temporal.engine.js';
import { withDatabase } from '#common/pg/connection.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { TemporalDatabases } from '#common/testing/temporal-databases.js';

const { signal } = new AbortController();

/** The databases of a Temporal that nothing runs on, and the databases that a spec restores them to beside them. */
export async function startTemporalDataset(): Promise<DatasetFixture> {
  const source = await TemporalDatabases.create();
  const { url, binDir, connection } = source;
  const made: string[] = [];
  const on = <Row extends object>(database: string, text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    withPgSession(withDatabase(connection, database), { signal, applicationName: 'spec' }, (session) =>
      session.query<Row>(text, values),
    );
  const exists = async (name: string): Promise<boolean> =>
    (await on('postgres', 'SELECT FROM pg_database WHERE datname = $1', [name])).length > 0;
  const read = async (name = source.name): Promise<string | null> => {
    const there = [await exists(name), await exists(`${name}_visibility`)];
    if (!there.includes(true)) return null;
    if (there.includes(false)) return 'half a Temporal';
    const open = await on(name, `SELECT workflow_id, run_id FROM current_executions ORDER BY workflow_id`);
    const listed = await on(
      `${name}_visibility`,
      `SELECT workflow_id, run_id FROM executions_visibility ORDER BY workflow_id`,
    );
    return [...open, ...listed].map((row) => JSON.stringify(row)).join('\n');
  };
  return {
    engine: temporal,
    dataset: { url: `${url}/${source.name}`, toolDirectories: [binDir] },
    target: { url, toolDirectories: [binDir], privileges: 'keep' },
    ...{ method: 'dump', replacing: 'replace' },
    probes: ['checksums', 'temporal', ...EQUALITY.map((probe) => `temporal-${probe}`)],
    unfit: [
      {
        what: 'a server that is not there',
        dataset: { url: 'postgres://127.0.0.1:9/temporal' },
        code: 'postgres.unreachable',
      },
      {
        what: 'a wrong password',
        dataset: { url: url.replace(/:[^:@]*@/, ':wrong@') },
        code: 'postgres.auth',
      },
      {
        what: 'a visibility store that is not there',
        dataset: { visibilityUrl: `${url}/spec_nowhere` },
        code: 'postgres.database-missing',
      },
      {
        what: 'two urls in the wrong order',
        dataset: { url: `${url}/${source.name}_visibility`, visibilityUrl: `${url}/${source.name}` },
        code: 'temporal.store-missing',
      },
    ],
    write: (name = source.name) => source.addExecution(name),
    read,
    destroy: () => source.drop(),
    newDestination: () => {
      const name = `${source.name}_r${made.length}`;
      made.push(name);
      return name;
    },
    leftovers: async (runIds) => {
      const rows = await on<{ name: string }>(
        'postgres',
        `SELECT datname AS name FROM pg_database WHERE datname LIKE 'holdfast%'`,
      );
      return rows.map(({ name }) => name).filter((name) => runIds.some((id) => name.includes(id.replaceAll('-', ''))));
    },
    byHand: {
      environment: {
        ...{ PGHOST: connection.host, PGPORT: String(connection.port), PGUSER: connection.user },
        ...{ PGPASSWORD: connection.password ?? '', PATH: `${binDir}:/usr/bin:/bin` },
      },
      read: () => read(),
    },
    clear: async () => {
      for (const name of made) await source.drop(name);
    },
    close: () => source.drop(),
  };
}

const EQUALITY = ['row-counts', 'fingerprints', 'schema', 'privileges', 'extensions'];
