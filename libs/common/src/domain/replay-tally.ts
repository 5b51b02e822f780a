/** What became of the offsets handled so far; with `lost` they add up to the offsets passed. */
export interface ReplayTally {
  readonly replayed: number;
  readonly copies: number;
  readonly foreign: number;
  readonly markers: number;
  readonly aborted: number;
  readonly missing: number;
  /** Trimmed before they could be read; first and end of what was lost, for it may come in several stretches. */
  readonly lost: { readonly fromOffset: string; readonly toOffset: string; readonly count: string } | null;
}

export const emptyTally: ReplayTally = {
  replayed: 0,
  copies: 0,
  foreign: 0,
  markers: 0,
  aborted: 0,
  missing: 0,
  lost: null,
};

export function addTally(a: ReplayTally, b: ReplayTally): ReplayTally {
  return {
    replayed: a.replayed + b.replayed,
    copies: a.copies + b.copies,
    foreign: a.foreign + b.foreign,
    markers: a.markers + b.markers,
    aborted: a.aborted + b.aborted,
    missing: a.missing + b.missing,
    lost: addLost(a.lost, b.lost),
  };
}

/** Offsets that the tally accounts for. */
export function countOffsets({ lost, ...counts }: ReplayTally): bigint {
  const known = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return BigInt(known) + BigInt(lost?.count ?? 0);
}

function addLost(a: ReplayTally['lost'], b: ReplayTally['lost']): ReplayTally['lost'] {
  if (a === null || b === null) return a ?? b;
  return { fromOffset: a.fromOffset, toOffset: b.toOffset, count: String(BigInt(a.count) + BigInt(b.count)) };
}
