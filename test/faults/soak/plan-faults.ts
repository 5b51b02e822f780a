import type { S3Fault } from '../support/s3-gate.js';
import { type EverySlot, type Fault, OUTAGES, type Outage, SLOTS, type Slot, type TimedAction } from './actions.js';
import type { Seeded } from './seeded.js';

/** What begins and ends together; until it has ended nothing else is planned for those whom it meets. */
interface Episode {
  readonly begin: readonly Fault[];
  readonly end: readonly Fault[];
  readonly lengthMs: number;
  /** Slots, or `all catalog`. */
  readonly busy: readonly string[];
}

const METHODS = ['GET', 'PUT', 'POST', 'HEAD', 'DELETE'] as const;
const STORMS: readonly S3Fault[] = [
  ...(['error-500', 'slow-down', 'reset', 'cut-upload'] as const),
  ...(['cut-download', 'lose-answer', 'spoil-answer'] as const),
];
/** Noticed after half a minute of silence: only a longer soak has the time. */
const LONG_MS = 120_000;

/** Everything goes wrong, often several things at once, and each of them ends before `lengthMs`. */
export function planFaults(chance: Seeded, lengthMs: number, paceMs: number): TimedAction[] {
  const actions: TimedAction[] = [];
  const busyUntil = new Map<string, number>();
  const isFree = ({ busy }: Episode, atMs: number) => busy.every((name) => (busyUntil.get(name) ?? 0) <= atMs);
  // The first seconds belong to the work.
  for (let atMs = 2_000; atMs < lengthMs; atMs += Math.round(paceMs * (0.2 + 1.6 * chance.next()))) {
    const episode = invent(chance, lengthMs >= LONG_MS ? [...STORMS, 'stall'] : STORMS);
    const endMs = atMs + episode.lengthMs;
    if (endMs > lengthMs || !isFree(episode, atMs)) continue;
    for (const name of episode.busy) busyUntil.set(name, endMs + 300);
    actions.push(...episode.begin.map((fault) => ({ atMs, ...fault })));
    actions.push(...episode.end.map((fault) => ({ atMs: endMs, ...fault })));
  }
  return actions;
}

function invent(chance: Seeded, storms: readonly S3Fault[]): Episode {
  const kind = chance.weigh([
    [7, 'kill'],
    [2, 'stop'],
    [3, 'freeze'],
    [3, 'partition'],
    [3, 'outage'],
    [4, 'storm'],
    [1, 'kill all'],
  ] as const);
  const slot = chance.pick(SLOTS);
  if (kind === 'kill' || kind === 'stop') return fall(kind, [slot], chance.whole(200, 5_000));
  if (kind === 'freeze') return freeze(slot, chance.isTrue(0.5), chance.whole(500, 9_000));
  if (kind === 'partition') return outage(chance.pick(OUTAGES), slot, chance.whole(300, 7_000));
  if (kind === 'outage') return outage(chance.pick(OUTAGES), 'all', chance.whole(300, 9_000));
  if (kind === 'kill all') return fall('kill', SLOTS, chance.whole(300, 4_000));
  const methods = chance.isTrue(0.4) ? METHODS : [chance.pick(METHODS)];
  return storm(chance.pick(storms), methods, chance.isTrue(0.5) ? 'all' : slot, chance.whole(300, 5_000));
}

const fall = (how: 'kill' | 'stop', slots: readonly Slot[], lengthMs: number): Episode => ({
  begin: slots.map((slot) => ({ do: how, slot })),
  end: slots.map((slot) => ({ do: 'start', slot })),
  lengthMs,
  busy: slots,
});

const freeze = (slot: Slot, withChildren: boolean, lengthMs: number): Episode => ({
  begin: [{ do: 'freeze', slot, withChildren }],
  end: [{ do: 'thaw', slot, withChildren }],
  lengthMs,
  busy: [slot],
});

const outage = (what: Outage, slot: Slot | EverySlot, lengthMs: number): Episode => ({
  begin: [{ do: 'shut', what, slot }],
  end: [{ do: 'reopen', what, slot }],
  lengthMs,
  busy: [slot === 'all' ? `all ${what}` : slot],
});

const storm = (fault: S3Fault, methods: readonly string[], slot: Slot | EverySlot, lengthMs: number): Episode => ({
  begin: [{ do: 'storm', fault, methods, slot }],
  end: [{ do: 'calm', fault, methods, slot }],
  lengthMs,
  busy: [slot === 'all' ? 'all storage' : slot],
});
