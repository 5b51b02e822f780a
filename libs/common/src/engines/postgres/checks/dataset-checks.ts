import { type Check, CheckWarning, type DatasetSurroundings } from '#common/engines/check.js';
import { DUMP_TOOLS } from '#common/engines/postgres/dump/dump-commands.js';
import { assertReadable } from '#common/engines/postgres/facts/access.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { findBlindness } from '#common/engines/postgres/tenants/role.js';
import type { TenantApplication } from '#common/engines/postgres/tenants/tenant-tables.js';
import { hostsOf, isSocketFolder } from '#common/pg/connection.js';
import { incrementalCheck } from './incremental-check.js';
import { jobsCheck } from './jobs-check.js';
import { slotsCheck } from './slots-check.js';
import { urlCheck } from './url-check.js';
import { walChecks } from './wal-check.js';

const ALONE: DatasetSurroundings<PostgresDataset> = { methods: [], alike: [] };

/** Can this database be backed up, whole, with the right tools? The first check is the connection. */
export function datasetChecks(
  dataset: PostgresDataset,
  signal: AbortSignal,
  { methods, alike }: DatasetSurroundings<PostgresDataset> = ALONE,
): Check[] {
  const { name, connection, toolDirectories: directories, tenantTables } = dataset;
  const application = tenantTables?.application;
  const jobs = dataset.dump?.jobs ?? 1;
  const withSession = <T>(work: (session: PgSession) => Promise<T>): Promise<T> =>
    withPgSession(connection, { signal, applicationName: 'holdfast check' }, work);
  const connected = `dataset ${name}: connection`;
  return [
    ...urlCheck(`dataset ${name}`, connection),
    {
      name: connected,
      run: () => withSession(async ({ label, serverMajor }) => `${label} answers, PostgreSQL ${serverMajor}`),
    },
    {
      name: `dataset ${name}: client tools`,
      needs: [connected],
      run: () =>
        withSession(async ({ serverMajor }) => {
          const wanted = jobs > 1 ? ([...DUMP_TOOLS, 'psql'] as const) : DUMP_TOOLS;
          const tools = await new PgTools().find(serverMajor, wanted, { directories, signal });
          return `${tools.versions['pg_dump'] ?? 'pg_dump'} in ${tools.directory}`;
        }),
    },
    {
      name: `dataset ${name}: every row is visible`,
      needs: [connected],
      run: () =>
        withSession(async (session) => {
          await assertReadable(session);
          return `role ${connection.user} reads every table and large object, and no policy hides a row`;
        }),
    },
    ...(jobs > 1 ? [jobsCheck(dataset, connected, withSession)] : []),
    ...walChecks(dataset, connected, signal),
    slotsCheck(dataset, connected, { alike, withSession }),
    ...(methods.includes('incremental') ? [incrementalCheck(name, connected, withSession)] : []),
    ...(application === undefined
      ? []
      : [
          {
            name: `dataset ${name}: what the application sees`,
            needs: [connected],
            run: () => withSession((session) => tellSight(session, application)),
          },
        ]),
  ];
}

/** A backup is whole without it, but the verdict on its restore then says less. */
async function tellSight(session: PgSession, { role, tenantSetting }: TenantApplication): Promise<string> {
  const reason = await findBlindness(session, role);
  if (reason !== undefined) throw new CheckWarning(`backups do not record what the application sees: ${reason}`);
  return `backups record what ${role} sees by ${tenantSetting}`;
}

/** A socket is on this machine. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** By every name that a server on the same machine could have. */
export const hostNamesOf = ({ connection }: Pick<PostgresDataset, 'connection'>): string[] =>
  hostsOf(connection).flatMap(({ host }) => (isSocketFolder(host) ? LOOPBACK : [host]));

/** How much there is to back up. */
export const measureDatabase = ({ connection }: PostgresDataset, signal: AbortSignal): Promise<number> =>
  withPgSession(connection, { signal, applicationName: 'holdfast check' }, async (session) => {
    const { bytes } = await session.queryOne<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    return Number(bytes);
  });
