/** Where a record lies: a copy carries the coordinate of its original. */
export interface Coordinate {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

interface Interval {
  readonly start: bigint;
  /** Exclusive. */
  readonly end: bigint;
}

/** A set of coordinates that costs memory per stretch, not per record: a replayed range is a handful of stretches. */
export class CoordinateSet {
  private readonly stretches = new Map<string, Interval[]>();

  has({ topic, partition, offset }: Coordinate): boolean {
    const intervals = this.stretches.get(keyOf(topic, partition)) ?? [];
    const at = intervals[lastAtOrBefore(intervals, offset)];
    return at !== undefined && offset < at.end;
  }

  /** Returns false when it was there already. */
  add(coordinate: Coordinate): boolean {
    if (this.has(coordinate)) return false;
    const { topic, partition, offset } = coordinate;
    const key = keyOf(topic, partition);
    const intervals = this.stretches.get(key) ?? [];
    this.stretches.set(key, intervals);
    insert(intervals, offset);
    return true;
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/** -1 when every interval starts later. */
function lastAtOrBefore(intervals: readonly Interval[], offset: bigint): number {
  let [low, high] = [0, intervals.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const interval = intervals[middle];
    if (interval !== undefined && interval.start <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Grows the stretch that ends here, or starts one, and joins it with the next when they meet. */
function insert(intervals: Interval[], offset: bigint): void {
  const index = lastAtOrBefore(intervals, offset);
  const [before, after] = [intervals[index], intervals[index + 1]];
  const touchesBefore = before !== undefined && before.end === offset;
  const touchesAfter = after !== undefined && after.start === offset + 1n;
  const start = touchesBefore ? before.start : offset;
  const end = touchesAfter ? after.end : offset + 1n;
  const first = touchesBefore ? index : index + 1;
  intervals.splice(first, Number(touchesBefore) + Number(touchesAfter), { start, end });
}
