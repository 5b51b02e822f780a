import { toFirstInstant, toInstants, toWallMs, type WallMs } from './zone.js';

export const Weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof Weekdays)[number];

/** No backup starts from `fromMs` until before `toMs`, both since midnight on the wall; over midnight when `toMs` is not later. */
export interface BlackoutWindow {
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the day on which the window begins; undefined: every day. */
  readonly days: readonly Weekday[] | undefined;
}

const DAY_MS = 86_400_000;
/** Windows that follow each other are left one by one; more of them than this never end. */
const MAX_HOPS = 100;

/** When the windows that hold an instant end, the last of them; undefined outside of all. */
export function findBlackoutEnd(windows: readonly BlackoutWindow[], at: Date): Date | undefined {
  const ends = windows.flatMap((window) => endsOf(window, at.getTime()));
  return ends.length === 0 ? undefined : new Date(Math.max(...ends));
}

/** The first instant outside of all windows, each left by `extraMs` more; undefined when they leave no room. */
export function findOpening(windows: readonly BlackoutWindow[], at: Date, extraMs = 0): Date | undefined {
  let open = at;
  for (let hops = 0; hops < MAX_HOPS; hops += 1) {
    const end = findBlackoutEnd(windows, open);
    if (end === undefined) return open;
    open = new Date(end.getTime() + extraMs);
  }
  return undefined;
}

function endsOf({ zone, fromMs, toMs, days }: BlackoutWindow, atMs: number): number[] {
  const wallMs = toWallMs(zone, atMs);
  const today = Math.floor(wallMs / DAY_MS);
  const lengthMs = toMs > fromMs ? toMs - fromMs : toMs - fromMs + DAY_MS;
  return [today - 1, today]
    .filter((day) => days === undefined || days.includes(toWeekday(day)))
    .map((day) => day * DAY_MS + fromMs)
    .filter((startMs) => startMs <= wallMs && wallMs < startMs + lengthMs)
    .map((startMs) => firstAfter(zone, startMs + lengthMs, atMs));
}

/** The end may be shown twice, or be left out. */
const firstAfter = (zone: string, wallMs: WallMs, atMs: number): number =>
  toInstants(zone, wallMs).find((instantMs) => instantMs > atMs) ?? toFirstInstant(zone, wallMs);

/** 1970 began on a Thursday. */
const toWeekday = (day: number): Weekday => Weekdays[(day + 4) % 7] ?? 'sun';
