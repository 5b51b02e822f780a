import type { RecoveryGoal, RecoveryTarget } from '#common/contracts/recovery-target.js';
import { quoteArgument } from '#common/process/command.js';

export interface RecoverySettings {
  readonly goal: RecoveryGoal;
  readonly timeline: number;
  /** Where the archived WAL lies, under PostgreSQL's names. */
  readonly walFolder: string;
}

/** Everything by which a server would reach out, or be reached, and that a copy must not do. */
export const ISOLATED: Readonly<Record<string, string>> = {
  listen_addresses: '',
  archive_mode: 'off',
  archive_command: '',
  archive_library: '',
  primary_conninfo: '',
  primary_slot_name: '',
  synchronous_standby_names: '',
  max_logical_replication_workers: '0',
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  archive_cleanup_command: '',
  recovery_end_command: '',
  ssl: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  autovacuum: 'off',
};

/** Source: PostgreSQL "Archive Recovery", "Recovery Target". */
export function toRecoverySettings({ goal, timeline, walFolder }: RecoverySettings): Record<string, string> {
  const { target, inclusive } = goal;
  return {
    restore_command: toRestoreCommand(walFolder),
    recovery_target_timeline: String(timeline),
    recovery_target_inclusive: inclusive ? 'on' : 'off',
    recovery_target_action: 'pause',
    ...toTarget(target),
  };
}

/** The server refuses a second one, even an empty one. */
function toTarget(target: RecoveryTarget): Record<string, string> {
  switch (target.kind) {
    case 'latest':
      return {};
    case 'immediate':
      return { recovery_target: 'immediate' };
    case 'time':
      return { recovery_target_time: toServerTime(target.at) };
    case 'lsn':
      return { recovery_target_lsn: target.lsn };
    case 'xid':
      return { recovery_target_xid: target.xid };
    case 'name':
      return { recovery_target_name: target.name };
  }
}

/** The server reads its settings before it knows abbreviations of time zones, `Z` among them. */
const toServerTime = (instant: string): string => instant.replace('T', ' ').replace(/Z$/, '+00');

/** Exit 1 means "not in the archive"; above 125 recovery stops, where it would take any other failure for the end of the archive. */
function toRestoreCommand(folder: string): string {
  const quoted = quoteArgument(folder).replaceAll('%', '%%');
  return `test -f ${quoted}/%f || exit 1; cp ${quoted}/%f "%p" || exit 200`;
}
