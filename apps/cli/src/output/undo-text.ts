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

function toDetails({ table, key, keys, missing, changed, notes }: UndoneTable): string[] {
  const named = key.length === 0 ? 'rows' : key.join(', ');
  const toLine = (what: string, shown: readonly string[], total: number): string[] =>
    shown.length === 0
      ? []
      : [`${table} ${what}, by ${named}: ${shown.join(' · ')}${total > shown.length ? ' · …' : ''}`];
  return [
    ...toLine('misses', keys.missing, missing),
    ...toLine('has changed', keys.changed, changed),
    ...notes.map((note) => `${table}: ${note}`),
  ];
}

const toMergedLine = ({ table, inserted, updated }: NonNullable<Undone['merged']>[number]): string =>
  `${table}: ${inserted} rows brought back, ${updated} made what they were`;
