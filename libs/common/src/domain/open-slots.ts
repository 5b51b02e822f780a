/** The first slot after an instant; undefined when there is none. */
export type NextSlot = (after: Date) => Date | undefined;

export interface OpenSlots {
  /** The first and the last of those that came before the newest, after a long absence: these serve them all. */
  readonly forgone: readonly Date[];
  readonly slots: readonly Date[];
}

export interface SlotMark {
  /** The last slot that was acted on or passed over. */
  readonly doneUntil: Date;
  readonly jitterMs: number;
}

/** After a long absence not all that was missed is counted: so many are, and the newest are looked for from behind. */
const MAX_COUNTED = 100;

/** What came since the mark. However long ago that was, the search is short: every tick holds all schedules while it lasts. */
export function findSlots({ doneUntil, jitterMs }: SlotMark, now: Date, next: NextSlot): OpenSlots {
  const slots = slotsUntil(now, doneUntil, next);
  if (slots.length < MAX_COUNTED) return { forgone: [], slots };
  const started = newestUntil(new Date(now.getTime() - jitterMs), doneUntil, next);
  const before = started && newestUntil(new Date(started.getTime() - 1), doneUntil, next);
  const last = slots.at(-1);
  if (started === undefined || before === undefined || last === undefined || before <= last)
    return { forgone: [], slots: slotsUntil(now, doneUntil, next, Number.POSITIVE_INFINITY) };
  const newest = slotsUntil(now, before, next, Number.POSITIVE_INFINITY);
  return { forgone: [...slots, before], slots: newest };
}

function slotsUntil(now: Date, after: Date, next: NextSlot, limit = MAX_COUNTED): Date[] {
  const slots: Date[] = [];
  for (let slot = next(after); slot !== undefined && slot <= now && slots.length < limit; slot = next(slot))
    slots.push(slot);
  return slots;
}

/** The last slot in (after, until]: looks back twice as far each time until there is one, then narrows the window down. */
function newestUntil(until: Date, after: Date, next: NextSlot): Date | undefined {
  const findFrom = (ms: number): Date | undefined => {
    const slot = next(new Date(Math.max(until.getTime() - ms, after.getTime())));
    return slot !== undefined && slot <= until ? slot : undefined;
  };
  const wholeMs = until.getTime() - after.getTime();
  let widthMs = 1_000;
  while (findFrom(widthMs) === undefined) {
    if (widthMs >= wholeMs) return undefined;
    widthMs *= 2;
  }
  let found = findFrom(widthMs);
  for (let low = widthMs / 2, high = widthMs; found !== undefined && high - low > 1; ) {
    const middle = Math.floor((low + high) / 2);
    const nearer = findFrom(middle);
    if (nearer === undefined) low = middle;
    else [found, high] = [nearer, middle];
  }
  return found;
}
