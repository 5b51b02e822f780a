import type { WithheldRights } from '#common/engines/postgres/restore/restore-globals.js';

/** What a restore does that nobody finds out any more when it is done: a later attempt has to be told by an earlier one. */
export interface RestoreFindings {
  readonly createdRoles: readonly string[];
  /** Created roles that had more than they came back with: an operator grants it. */
  readonly withheldRights: readonly WithheldRights[];
  /** in-place: not in the backup, and gone with an object that is. */
  readonly droppedObjects: readonly string[];
  /** Of the attempt that came farthest. */
  readonly harmlessErrors: readonly string[];
  /** new: of the whole database that this attempt was about to name. A later attempt knows it by that, whatever else it carries. */
  readonly databaseOid: string | null;
}

/** Keeps what was found for later attempts, and returns what is known from all of them. */
export type Remember = (found: Partial<RestoreFindings>) => Promise<RestoreFindings>;

const NOTHING: RestoreFindings = {
  ...{ createdRoles: [], withheldRights: [], droppedObjects: [], harmlessErrors: [] },
  databaseOid: null,
};

/** An attempt may not find any more what the one before it has done already; what either of them found was so. */
export function mergeFindings(earlier: Partial<RestoreFindings>, later: Partial<RestoreFindings>): RestoreFindings {
  const both = (of: (findings: RestoreFindings) => readonly string[]): string[] =>
    [...new Set([...of({ ...NOTHING, ...earlier }), ...of({ ...NOTHING, ...later })])].sort();
  const rights = [...(earlier.withheldRights ?? []), ...(later.withheldRights ?? [])];
  return {
    createdRoles: both(({ createdRoles }) => createdRoles),
    withheldRights: [...new Map(rights.map((right) => [right.role, right])).values()],
    droppedObjects: both(({ droppedObjects }) => droppedObjects),
    harmlessErrors: later.harmlessErrors ?? earlier.harmlessErrors ?? [],
    databaseOid: later.databaseOid ?? earlier.databaseOid ?? null,
  };
}

/** For one who has no catalog: as long as the process lives. */
export function rememberHere(): Remember {
  let known = NOTHING;
  return async (found) => {
    known = mergeFindings(known, found);
    return known;
  };
}
