import type { Findings } from '#common/engines/engine.js';
import { engines } from '#common/engines/engines.js';
import { toShortList } from '#common/errors/printable.js';
import { NAMES_PER_LINE } from './table.js';

/** A restore that went well, as its result says. */
export interface RestoreNotes {
  readonly kind?: string;
  readonly method?: string;
  readonly findings?: Findings;
}

/** What an operator still has to do, or should know, after a restore that went well. */
export function toRestoreNotes({ kind, method, findings = {} }: RestoreNotes): string[] {
  const driver = engines.find((each) => each.kind === kind)?.restores.find((each) => each.method === method);
  return Object.entries(findings).flatMap(([name, list]) => tell(driver?.findings[name] ?? name, list));
}

const tell = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what}: ${toShortList(names, { limit: NAMES_PER_LINE })}`];

/** What may make a restore of a backup fail, each on a line of its own: it is mended now or never. */
export const toWarningLines = (warnings: readonly string[]): string[] =>
  warnings.map((warning) => `warning: ${warning}`);
