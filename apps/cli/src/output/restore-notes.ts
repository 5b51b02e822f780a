import type { Recovered } from '#common/contracts/recovery-target.js';
import { driversOf } from '#common/engines/engines.js';
import type { Findings } from '#common/engines/findings.js';
import { toShortList } from '#common/errors/printable.js';
import { NAMES_PER_LINE } from './table.js';

/** A restore that went well, as its result says. */
export interface RestoreNotes {
  readonly kind?: string;
  readonly method?: string;
  readonly findings?: Findings;
  readonly recovered?: Recovered | null;
}

/** What an operator still has to do, or should know, after a restore that went well. */
export function toRestoreNotes({ kind = '', method, findings = {}, recovered = null }: RestoreNotes): string[] {
  const drivers = driversOf(kind).filter((each) => each.method === method);
  const meaningOf = (name: string): string =>
    drivers.find(({ findings: known }) => known[name])?.findings[name] ?? name;
  const notes = Object.entries(findings).flatMap(([name, list]) => tell(meaningOf(name), list));
  return recovered === null ? notes : [toReachedLine(recovered), ...notes];
}

function toReachedLine({ lsn, lastCommitAt, timeline, isOpenForWriting }: Recovered): string {
  const commit = lastCommitAt === null ? 'no commit was replayed' : `the last commit is of ${lastCommitAt}`;
  const state = isOpenForWriting ? 'open for writing' : 'read-only';
  return `reached WAL position ${lsn}, ${commit}; ${state} on timeline ${timeline}`;
}

const tell = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what}: ${toShortList(names, { limit: NAMES_PER_LINE })}`];

/** What may make a restore of a backup fail, each on a line of its own: it is mended now or never. */
export const toWarningLines = (warnings: readonly string[]): string[] =>
  warnings.map((warning) => `warning: ${warning}`);
