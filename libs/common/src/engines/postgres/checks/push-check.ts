import { CheckWarning } from '#common/engines/check.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';

interface Archiving {
  readonly systemId: string;
  readonly walLevel: string;
  readonly mode: string;
  readonly command: string;
  readonly library: string;
  readonly timeoutSeconds: number;
  readonly archived: number;
  readonly lastArchived: string | null;
  readonly lastFailed: string | null;
  readonly isFailing: boolean;
}

/** Does the server hand its WAL over? Throws: postgres.archiving, with the statement that mends it; a warning. */
export async function tellPushes(session: PgSession): Promise<string> {
  const state = await readArchiving(session);
  assertHandsOver(state, session.label);
  const { systemId, lastArchived, lastFailed } = state;
  if (state.isFailing)
    throw new CheckWarning(
      `archive_command of cluster ${systemId} fails for ${lastFailed ?? 'a file'}: the server keeps its WAL, and its log has the line of holdfast-wal that says why`,
    );
  if (state.archived === 0)
    throw new CheckWarning(
      `cluster ${systemId} has archived nothing yet: \`SELECT pg_switch_wal()\` hands the first segment over`,
    );
  if (state.timeoutSeconds === 0)
    throw new CheckWarning(
      `cluster ${systemId} hands a segment over only when it is full: \`ALTER SYSTEM SET archive_timeout = '60s'; SELECT pg_reload_conf()\` hands it over after a minute`,
    );
  return `cluster ${systemId}: archive_command hands WAL over, at least every ${state.timeoutSeconds} s while it is written; the last is ${lastArchived ?? 'none'}`;
}

const readArchiving = (session: PgSession): Promise<Archiving> =>
  session.queryOne<Archiving>(
    `SELECT system_identifier::text AS "systemId", current_setting('wal_level') AS "walLevel",
       current_setting('archive_mode') AS mode, current_setting('archive_command') AS command,
       current_setting('archive_library') AS library,
       (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout') AS "timeoutSeconds",
       archived_count::float8 AS archived, last_archived_wal AS "lastArchived", last_failed_wal AS "lastFailed",
       last_failed_time IS NOT NULL AND last_failed_time > coalesce(last_archived_time, '-infinity') AS "isFailing"
     FROM pg_control_system(), pg_stat_archiver`,
  );

function assertHandsOver({ walLevel, mode, command, library }: Archiving, label: string): void {
  const refuse = (what: string, statement: string, then: string): never => {
    const hint = `Run \`ALTER SYSTEM ${statement}\` as a superuser and ${then}.`;
    throw new AppError('postgres.archiving', `${label} ${what}`, {}, { hint });
  };
  const [restart, reload] = ['restart the server', 'then `SELECT pg_reload_conf()`'];
  if (walLevel === 'minimal')
    refuse('has wal_level = minimal: its WAL cannot be replayed', 'SET wal_level = replica', restart);
  if (mode === 'off') refuse('has archive_mode = off: it hands nothing over', 'SET archive_mode = on', restart);
  if (library !== '')
    refuse(`archives by the library "${library}" and not by archive_command`, 'RESET archive_library', reload);
  if (!/holdfast-wal\b.*\bpush\s+("%p"|'%p'|%p)\s*$/.test(command))
    refuse(
      `does not hand WAL over by archive_command: it is "${command}"`,
      `SET archive_command = 'holdfast-wal push %p'`,
      reload,
    );
}
