/** What the clocks of a zone show, written as if it were UTC: the milliseconds of `Date.UTC(2026, 2, 29, 2, 30)` are half past two. */
export type WallMs = number;

const DAY_MS = 86_400_000;
/** No zone has ever changed its clocks twice within this. */
const STEP_MS = DAY_MS / 4;
/** Making a format costs a hundred times its use. */
const formats = new Map<string, Intl.DateTimeFormat>();

export function isZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Offsets by zone and step, where clocks are not changed in between; looking one up costs a hundredth of asking for it. */
const steps = new Map<string, Map<number, number>>();
const MAX_STEPS = 10_000;

/** By how much the clocks of a zone are ahead of UTC at an instant. */
export function toOffsetMs(zone: string, atMs: number): number {
  const known = steps.get(zone) ?? new Map<number, number>();
  steps.set(zone, known);
  const step = Math.floor(atMs / STEP_MS);
  const offsetMs = known.get(step) ?? offsetOfStep(zone, step);
  if (known.size >= MAX_STEPS) known.clear();
  known.set(step, offsetMs);
  return Number.isNaN(offsetMs) ? readOffsetMs(zone, atMs) : offsetMs;
}

/** Not a number where clocks are changed on the way. */
function offsetOfStep(zone: string, step: number): number {
  const offsetMs = readOffsetMs(zone, step * STEP_MS);
  return readOffsetMs(zone, (step + 1) * STEP_MS) === offsetMs ? offsetMs : Number.NaN;
}

function readOffsetMs(zone: string, atMs: number): number {
  const parts = formatOf(zone).formatToParts(atMs);
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const wallMs = Date.UTC(
    ...([read('year'), read('month') - 1, read('day'), read('hour'), read('minute'), read('second')] as const),
  );
  return wallMs - Math.floor(atMs / 1_000) * 1_000;
}

export const toWallMs = (zone: string, atMs: number): WallMs => atMs + toOffsetMs(zone, atMs);

/** Every instant at which the clocks show this: one; two in the hour that repeats; none in the hour that is left out. */
export function toInstants(zone: string, wallMs: WallMs): number[] {
  const offsets = new Set([toOffsetMs(zone, wallMs - DAY_MS), toOffsetMs(zone, wallMs + DAY_MS)]);
  return [...offsets]
    .map((offsetMs) => wallMs - offsetMs)
    .filter((atMs) => toWallMs(zone, atMs) === wallMs)
    .sort((a, b) => a - b);
}

/** The first instant at which the clocks show this or more: a time that is left out comes when the clocks have been set forward. */
export function toFirstInstant(zone: string, wallMs: WallMs): number {
  const [first] = toInstants(zone, wallMs);
  const changeMs = first ?? findChange(zone, wallMs - DAY_MS, wallMs + DAY_MS);
  return changeMs ?? wallMs - toOffsetMs(zone, wallMs);
}

/** The first instant after `fromMs`, and not after `untilMs`, from which the clocks are set otherwise. */
export function findChange(zone: string, fromMs: number, untilMs: number): number | undefined {
  const offsetMs = toOffsetMs(zone, fromMs);
  for (let low = fromMs; low < untilMs; low += STEP_MS) {
    const high = Math.min(low + STEP_MS, untilMs);
    if (toOffsetMs(zone, high) !== offsetMs) return bisect(low, high, (atMs) => toOffsetMs(zone, atMs) !== offsetMs);
  }
  return undefined;
}

/** `2026-03-29 03:00:00 +02:00` */
export function toLocalText(zone: string, at: Date): string {
  const offsetMs = toOffsetMs(zone, at.getTime());
  const [day = '', time = ''] = new Date(at.getTime() + offsetMs).toISOString().split('T');
  const offset = new Date(Math.abs(offsetMs)).toISOString().slice(11, 16);
  return `${day} ${time.slice(0, 8)} ${offsetMs < 0 ? '-' : '+'}${offset}`;
}

function bisect(from: number, to: number, isAfter: (atMs: number) => boolean): number {
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isAfter(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
      ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  formats.set(zone, format);
  return format;
}
