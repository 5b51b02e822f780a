import type { Check, TargetSurroundings } from '#common/engines/check.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { toCreatingDatabases } from '#common/engines/postgres/restore/preview/rights.js';
import { findMissingRoles } from '#common/engines/postgres/restore/roles/roles.js';
import { findRightToEnd } from '#common/engines/postgres/restore/swap/obstacles.js';
import { AppError } from '#common/errors/app-error.js';
import { keptCheck } from './kept-check.js';
import { recoveryDirectoryCheck } from './recovery-directory-check.js';
import { urlCheck } from './url-check.js';

/** Could a restore go to this target tonight? */
export function targetChecks(
  target: PostgresTarget,
  signal: AbortSignal,
  { strategies }: TargetSurroundings = { strategies: [] },
): Check[] {
  const { name, connection, toolDirectories: directories, owner, recoveryDirectory } = target;
  const options = { signal, applicationName: 'holdfast check' };
  const connected = `target ${name}: connection and rights`;
  return [
    ...urlCheck(`target ${name}`, connection),
    {
      name: connected,
      run: () =>
        withPgSession(serverOf(target), options, async (session) => {
          const { may } = await session.queryOne<{ may: boolean }>(
            'SELECT rolsuper OR rolcreatedb AS may FROM pg_roles WHERE rolname = current_user',
          );
          if (may) return `${session.label} may create databases`;
          const { message, hint } = toCreatingDatabases(connection.user);
          throw new AppError('postgres.permission', message, {}, { hint });
        }),
    },
    {
      name: `target ${name}: client tools`,
      needs: [connected],
      run: () =>
        withPgSession(serverOf(target), options, async ({ serverMajor }) => {
          const tools = await new PgTools().find(serverMajor, ['pg_restore'], { directories, signal });
          return `${tools.versions['pg_restore'] ?? 'pg_restore'} in ${tools.directory}`;
        }),
    },
    {
      name: `target ${name}: owner`,
      needs: [connected],
      run: async () => {
        if (owner === undefined) return 'owners come from the backup, or are the restoring role';
        const missing = await withPgSession(serverOf(target), options, (session) => findMissingRoles(session, [owner]));
        if (missing.length === 0) return `role ${owner} exists`;
        throw new AppError('restore.roles-missing', `target "${name}" has no role ${owner}`);
      },
    },
    keptCheck(target, connected, signal),
    ...(strategies.includes('swap')
      ? [
          {
            name: `target ${name}: sessions in the way of a swap`,
            needs: [connected],
            run: async () => {
              const missing = await withPgSession(serverOf(target), options, findRightToEnd);
              if (missing === undefined) return `role ${connection.user} may end the sessions of others`;
              throw new AppError('postgres.permission', missing.message, {}, { hint: missing.hint });
            },
          },
        ]
      : []),
    ...(recoveryDirectory === undefined ? [] : [recoveryDirectoryCheck(name, recoveryDirectory)]),
  ];
}
