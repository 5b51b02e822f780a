import type { SweptDataset } from './sweep-dataset.js';

export interface KeptBack {
  readonly id: string;
  readonly why: string;
}

/** A log line is no report: `holdfast retention plan` says the reason for each. */
const SHOWN = 20;

/** What would be gone but for something other than the rules: held, in use, refused because backups fail. */
export function toKeptBack({ plan, backups }: SweptDataset): KeptBack[] {
  const kept = (plan?.backups ?? [])
    .filter(({ isKept, reasons }) => isKept && reasons.every((reason) => /^(held by|nothing expires)/.test(reason)))
    .map(({ id, reasons }) => ({ id, why: reasons.join('; ') }));
  const held = backups
    .filter(({ id, outcome }) => outcome === 'held' && !kept.some((known) => known.id === id))
    .map(({ id }) => ({ id, why: 'held since it was decided' }));
  const locked = backups.flatMap(({ id, outcome, problem = '' }) =>
    outcome === 'locked' ? [{ id, why: problem }] : [],
  );
  return [...kept, ...held, ...locked].slice(0, SHOWN);
}

/** What was done, in numbers by outcome: `{ marked: 2, deleted: 1 }`. */
export const countOutcomes = ({ backups }: SweptDataset): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(backups, ({ outcome }) => outcome)].map(([outcome, of]) => [outcome, of.length]));
