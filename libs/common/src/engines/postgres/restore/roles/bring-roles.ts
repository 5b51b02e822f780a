import { readFile } from 'node:fs/promises';
import type { Material } from '#common/engines/material.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { roleSettingStatements } from '../preparation/settings.js';
import type { PostgresRestorePlan } from '../preview/plan.js';
import { type RoleStatements, toRoleStatements } from './globals.js';
import { createRoles, withoutAbsentGroups } from './roles.js';

/** As the backup's own globals describe them; they are fetched in any case, for a backup is whole or it is not used. */
export async function readMissingRoles(
  { missingRoles }: Pick<PostgresRestorePlan, 'missingRoles'>,
  material: Pick<Material, 'spool'>,
  session: PgSession,
): Promise<RoleStatements[]> {
  const globals = await readFile(await material.spool('globals.sql'), 'utf8');
  if (missingRoles.length === 0) return [];
  return withoutAbsentGroups(session, toRoleStatements(globals, missingRoles, session.serverMajor));
}

/** Creates them, with their settings. */
export async function bringRoles(
  roles: readonly RoleStatements[],
  { snapshot }: Pick<PostgresManifest, 'snapshot'>,
  session: PgSession,
): Promise<void> {
  if (roles.length === 0) return;
  const names = roles.map(({ name }) => name);
  await createRoles(session, roles, roleSettingStatements(snapshot, names));
}
