/** What pg_restore complained about, split into what changed nothing and what makes the restore a failure. */
export interface RestoreComplaints {
  readonly harmless: readonly string[];
  readonly fatal: readonly string[];
}

/**
 * Complaints that are known to leave the restored data whole. Everything else fails the restore, above all "already exists":
 * under --clean it means that a DROP was refused, and the COPY that follows would double the rows.
 */
const harmless: readonly RegExp[] = [
  // The parameter is newer than this server; it only tuned the restoring session.
  /unrecognized configuration parameter "(transaction_timeout|idle_session_timeout|default_table_access_method|default_toast_compression)"/,
];

const ERROR = /^pg_restore: (?:error|\[[^\]]+\]): ?(.*)$/;
const SUMMARY = /^pg_restore: warning: errors ignored on restore: \d+$/;

/** Reads the lines that pg_restore wrote to stderr. Server messages are in English: children run with LC_MESSAGES=C. */
export function toComplaints(stderrLines: readonly string[]): RestoreComplaints {
  const errors = stderrLines.flatMap((line) => {
    const [, message] = ERROR.exec(line) ?? [];
    return message === undefined || SUMMARY.test(line) ? [] : [message];
  });
  return {
    harmless: errors.filter(isHarmless),
    fatal: errors.filter((message) => !isHarmless(message)),
  };
}

const isHarmless = (message: string): boolean => harmless.some((pattern) => pattern.test(message));
