import { toShortList } from '#common/errors/printable.js';
import type { RestoreOutcome } from '#common/operations/restore-backup.js';
import { NAMES_PER_LINE } from './table.js';

/** What an operator still has to do, or should know, after a restore that went well. */
export function toRestoreNotes(outcome: Partial<RestoreOutcome>): string[] {
  const {
    createdRoles = [],
    withheldRights = [],
    withheldSettings = [],
    leftOut = [],
    newerObjects = [],
    harmlessErrors = [],
  } = outcome;
  return [
    ...tell('roles created without LOGIN', createdRoles),
    ...tell(
      'rights to give back by hand',
      withheldRights.map(({ role, rights }) => `${role} ${rights.join(' ')}`),
    ),
    ...tell('settings to set by hand, for they hold secrets', withheldSettings),
    ...tell('left out, make them again by hand', leftOut),
    ...tell('left as they were, newer than the backup', newerObjects),
    ...tell('complaints known to be harmless', harmlessErrors),
  ];
}

const tell = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what}: ${toShortList(names, { limit: NAMES_PER_LINE })}`];

/** What may make a restore of a backup fail, each on a line of its own: it is mended now or never. */
export const toWarningLines = (warnings: readonly string[]): string[] =>
  warnings.map((warning) => `warning: ${warning}`);
