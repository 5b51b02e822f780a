import type { Undone, UndoneTable } from '#common/operations/recovery/undo.js';
import { toTable } from './table.js';

export function toUndoText({ recovered, tables, merged }: Undone): string {
  const rows = tables.map(({ table, missing, changed, added }) => [table, ...[missing, changed, added].map(String)]);
  const moment = recovered.lastCommitAt ?? 'the base backup';
  return [
    `compared with the last commit before: ${moment}, WAL position ${recovered.lsn}`,
    toTable(['table', 'missing', 'changed', 'added since'], rows),
    ...tables.flatMap(toDetails),
    ...(merged === null
      ? ['nothing was changed; `undo run` brings back what is missing, with --changed also what changed']
      : merged.map(toMergedLine)),
  ].join('\n');
}

function toDetails({ table, key, keys, notes }: UndoneTable): string[] {
  const named = key.length === 0 ? 'rows' : key.join(', ');
  return [
    ...(keys.missing.length === 0
      ? []
      : [`${table} misses, by ${named}: ${keys.missing.join(' · ')}${more(keys.missing)}`]),
    ...(keys.changed.length === 0
      ? []
      : [`${table} has changed, by ${named}: ${keys.changed.join(' · ')}${more(keys.changed)}`]),
    ...notes.map((note) => `${table}: ${note}`),
  ];
}

const more = (shown: readonly string[]): string => (shown.length < 5 ? '' : ' · …');

const toMergedLine = ({ table, inserted, updated }: NonNullable<Undone['merged']>[number]): string =>
  `${table}: ${inserted} rows brought back, ${updated} made what they were`;
