import type { FoundChange, FoundTransaction } from '#common/engines/postgres/wal/search/collect-transactions.js';
import type { WalAnswer } from '#common/operations/recovery/search-wal.js';
import { toTable } from './table.js';

interface Asked {
  readonly dataset: string;
  readonly table: string | null;
}

/** Transactions in the order of their commits, what the search could not see, and the next command. */
export function toWalAnswerText(asked: Asked, answer: WalAnswer): string {
  const { transactions, more } = answer;
  const rows = transactions.flatMap((transaction) =>
    transaction.relations.map((change) => [
      transaction.committedAt,
      transaction.xid,
      transaction.lsn,
      toName(change),
      toChangesText(change.changes, transaction),
    ]),
  );
  const head = ['committed at', 'xid', 'WAL position', 'table', 'changes'];
  const found =
    rows.length === 0
      ? `no transaction between ${answer.from} and ${answer.to} changed ${asked.table ?? 'a table'}`
      : toTable(head, rows);
  const left = more === 0 ? [] : [`${more} more transactions: narrow the span, or ask for more with --limit`];
  return [found, ...left, ...toRemarks(answer), ...toNextSteps(asked, transactions)].join('\n');
}

const toName = ({ relation, oid }: FoundChange): string => relation ?? `number ${oid}, not known any more`;

const toChangesText = (changes: FoundChange['changes'], { isCutShort }: FoundTransaction): string =>
  Object.entries(changes)
    .map(([kind, count]) => (isRows(kind) ? `${kind} ${isCutShort ? 'at least ' : ''}${count}` : kind))
    .join(', ');

const isRows = (kind: string): boolean => ['insert', 'update', 'delete'].includes(kind);

function toRemarks({ read, holes, lost, isEndSeen, archivedUntil, to }: WalAnswer): string[] {
  const isComplete = isEndSeen || (archivedUntil !== null && Date.parse(archivedUntil.at) >= Date.parse(to));
  const end = archivedUntil === null ? '' : `; it is complete until ${archivedUntil.at}`;
  return [
    read === null ? 'nothing is archived' : `read from WAL position ${read.from} to ${read.to}`,
    ...holes.map((hole) => `not archived, and so not searched: ${hole.from} to ${hole.to}`),
    ...lost.map(
      ({ relation, xid }) =>
        `transaction ${xid} gave ${relation} another file in a way that WAL does not tell: what lies beyond it is missing here; search with --beside`,
    ),
    ...(isComplete ? [] : [`the archive may end before the span does${end}`]),
  ];
}

/** The largest is the likeliest. */
function toNextSteps({ dataset, table }: Asked, transactions: readonly FoundTransaction[]): string[] {
  const [worst] = transactions.toSorted((a, b) => weightOf(b) - weightOf(a));
  if (worst === undefined) return [];
  const { xid, lsn, justBefore } = worst;
  const named = table ?? worst.relations[0]?.relation ?? '<table>';
  return [
    '',
    `just before transaction ${xid}, at ${justBefore}:`,
    `  holdfast undo plan ${dataset} --target <target> --tables ${named} --to-lsn ${lsn} --exclusive`,
    `  holdfast recover plan ${dataset} --to-lsn ${lsn} --exclusive`,
  ];
}

const weightOf = ({ relations }: FoundTransaction): number =>
  Math.max(
    ...relations.map(({ changes }) =>
      changes.truncate !== undefined || changes.drop !== undefined
        ? Number.POSITIVE_INFINITY
        : (changes.delete ?? 0) * 1_000 + (changes.update ?? 0),
    ),
  );
