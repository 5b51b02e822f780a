import { findChange, toFirstInstant, toOffsetMs, toWallMs, type WallMs } from './zone.js';

/** When a schedule is due, as it is written: times on the wall of a zone. */
export interface WallSlots {
  readonly zone: string;
  /** The first slot after a time on the wall, as though clocks were never changed. */
  readonly nextWall: (afterMs: WallMs) => WallMs | undefined;
  /** It names no hours, so that it means each hour that passes and not times of the day. */
  readonly isEveryHour: boolean;
}

/**
 * The first slot after an instant; undefined when there is none. Where clocks are changed:
 * - times of the day come once a day: one that is left out comes at the moment at which the clocks are set forward, one that
 *   is shown twice comes the first time;
 * - every hour means each hour that passes: what is left out does not come, what is shown twice comes twice.
 */
export function nextInZone(slots: WallSlots, after: Date): Date | undefined {
  const atMs = slots.isEveryHour ? nextShown(slots, after.getTime()) : nextOfDay(slots, after.getTime());
  return atMs === undefined ? undefined : new Date(atMs);
}

/** Instants never fall as times on the wall grow, so the search may begin at what the clocks show now. */
function nextOfDay({ zone, nextWall }: WallSlots, afterMs: number): number | undefined {
  let wallMs = nextWall(toWallMs(zone, afterMs));
  for (; wallMs !== undefined; wallMs = nextWall(wallMs)) {
    const atMs = toFirstInstant(zone, wallMs);
    if (atMs > afterMs) return atMs;
  }
  return undefined;
}

/** Goes on from one change of the clocks to the next, for between them walls and instants run alike. */
function nextShown({ zone, nextWall }: WallSlots, afterMs: number): number | undefined {
  let fromMs = afterMs;
  let offsetMs = toOffsetMs(zone, fromMs);
  let wallMs = nextWall(fromMs + offsetMs);
  while (wallMs !== undefined) {
    const changeMs = findChange(zone, fromMs, wallMs - offsetMs);
    if (changeMs === undefined) return wallMs - offsetMs;
    fromMs = changeMs;
    offsetMs = toOffsetMs(zone, fromMs);
    wallMs = nextWall(fromMs + offsetMs - 1);
  }
  return undefined;
}
