import { DUMP_TOOLS } from '#common/engines/postgres/dump/dump-commands.js';
import { assertReadable } from '#common/engines/postgres/facts/facts-access.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { findBlindness } from '#common/engines/postgres/tenants/role.js';
import type { TenantApplication } from '#common/engines/postgres/tenants/tenant-tables.js';
import { hostsOf, isSocketFolder, toPgPlace } from '#common/pg/connection.js';
import { toSize } from '../output/sizes.js';
import type { VerbContext } from '../verb.js';
import { type Check, CheckWarning } from './check.js';
import { storeCheckName } from './repository-check.js';
import { urlCheck } from './url-check.js';

/** Can this dataset be backed up, whole, with the right tools, to somewhere else? */
export function datasetChecks(name: string, { installation, signal }: VerbContext): Check[] {
  const { connection, toolDirectories: directories, tenantTables } = installation.dataset(name);
  const { repositories } = installation.datasetConfig(name);
  const application = tenantTables?.application;
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
          const tools = await new PgTools().find(serverMajor, DUMP_TOOLS, { directories, signal });
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
    {
      name: `dataset ${name}: fits into its repository`,
      needs: [connected, ...repositories.slice(0, 1).map(storeCheckName)],
      run: () => withSession((session) => tellRoom(name, session, { installation, signal })),
    },
    ...(application === undefined
      ? []
      : [
          {
            name: `dataset ${name}: what the application sees`,
            needs: [connected],
            run: () => withSession((session) => tellSight(session, application)),
          },
        ]),
    { name: `dataset ${name}: repository on another host`, run: async () => tellPlace(name, installation) },
  ];
}

/** A dump is one object, mostly smaller than its database; a store that takes few parts may not hold it. */
async function tellRoom(
  name: string,
  session: PgSession,
  { installation, signal }: Pick<VerbContext, 'installation' | 'signal'>,
): Promise<string> {
  const { bytes } = await session.queryOne<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
  const repository = installation.primaryRepository(name);
  const { maxObjectBytes } = await repository.traits({ signal });
  const found = `the database takes ${toSize(Number(bytes))}`;
  if (maxObjectBytes === null) return `${found}, repository ${repository.name} sets no limit`;
  const limit = `an object of repository ${repository.name} holds ${toSize(maxObjectBytes)}`;
  if (Number(bytes) <= maxObjectBytes) return `${found}, ${limit}`;
  throw new CheckWarning(
    `${found}, and ${limit}: raise its \`partSizeBytes\`, or \`maxParts\` where the store takes more`,
  );
}

/** A backup is whole without it, but the verdict on its restore then says less. */
async function tellSight(session: PgSession, { role, tenantSetting }: TenantApplication): Promise<string> {
  const reason = await findBlindness(session, role);
  if (reason !== undefined) throw new CheckWarning(`backups do not record what the application sees: ${reason}`);
  return `backups record what ${role} sees by ${tenantSetting}`;
}

/** A socket is on this machine. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A fire, a full disk or a wrong command on the source's host must not take the backups along. */
function tellPlace(name: string, installation: VerbContext['installation']): string {
  const { connection } = installation.dataset(name);
  const place = toPgPlace(connection);
  const hosts = hostsOf(connection).flatMap(({ host }) => (isSocketFolder(host) ? LOOPBACK : [host]));
  const { repositories } = installation.datasetConfig(name);
  for (const repository of repositories) {
    const { url, endpoint } = installation.config.repositories[repository] ?? {};
    const store = endpoint === undefined ? '' : new URL(endpoint).hostname;
    if (hosts.includes(store) || url?.startsWith('file:')) {
      throw new CheckWarning(`repository ${repository} may be on the same host as the database (${place})`);
    }
  }
  return `${repositories.join(', ')} is elsewhere than ${place}`;
}
