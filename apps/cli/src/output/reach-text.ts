import type { RecoveryHole, RecoveryWindow } from '#common/engines/postgres/pitr/window.js';
import type { Reach } from '#common/operations/recovery/read-reach.js';

/** One line for each stretch of time without a hole, and for each hole. */
export const toReachLines = (dataset: string, { windows, holes }: Pick<Reach, 'windows' | 'holes'>): string[] => [
  ...windows.map((window) => `${dataset} can be recovered to ${toWindowText(window)}`),
  ...holes.map((hole) => `${dataset}: ${toHoleText(hole)}`),
];

function toWindowText({ timeline, from, to }: RecoveryWindow): string {
  const until = to.at ?? `the last commit before WAL position ${to.lsn}`;
  return `any moment from ${from.at} to ${until} on timeline ${timeline}`;
}

/** For people. */
export const toHoleText = ({ timeline, from, to }: RecoveryHole): string =>
  `nothing between ${from.at ?? `WAL position ${from.lsn}`} and ${to.at} can be reached on timeline ${timeline}`;
