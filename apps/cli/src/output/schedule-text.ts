import type { NextSlotView, ScheduleView } from '#common/contracts/api-views.js';
import { toTable } from './table.js';

/** A line for each next slot; what is true of the schedule stands in its first. */
export const toScheduleTable = (schedules: readonly ScheduleView[]): string =>
  toTable(
    ['schedule', 'dataset', 'next', 'zone', 'UTC', 'note', 'state', 'last slot', 'last run'],
    schedules.flatMap((schedule) => {
      const { name, dataset, zone, next } = schedule;
      const first = [
        ...(next.length === 0 ? ['never', zone, '', ''] : toCells(next[0], zone)),
        ...toStateCells(schedule),
      ];
      return [[name, dataset, ...first], ...next.slice(1).map((slot) => ['', '', ...toCells(slot, zone)])];
    }),
  );

/** `2026-03-29 03:00:00 +02:00 (2026-03-29T01:00:00.000Z)` */
export const toNextText = ({ local, startsAt, slotAt }: NextSlotView): string => `${local} (${startsAt ?? slotAt})`;

function toCells(slot: NextSlotView | undefined, zone: string): string[] {
  if (slot === undefined) return [];
  const { local, startsAt, slotAt, isInBlackout } = slot;
  const note = startsAt === null ? 'blackout: passed over' : isInBlackout ? `blackout: slot ${slotAt}` : '';
  return [local, zone, startsAt ?? slotAt, note];
}

function toStateCells({ state }: ScheduleView): string[] {
  if (state === null) return ['unknown', '', ''];
  const { paused, waiting, lastSlotAt, lastRun } = state;
  return [
    paused === null
      ? toWaitText(waiting)
      : `paused since ${paused.since}${paused.reason === null ? '' : `: ${paused.reason}`}`,
    lastSlotAt ?? 'none',
    lastRun === null ? '' : `${lastRun.state} ${lastRun.id}`,
  ];
}

type Waiting = NonNullable<ScheduleView['state']>['waiting'];

const toWaitText = (waiting: Waiting): string =>
  waiting === null
    ? 'active'
    : `slot ${waiting.slotAt} waits until ${waiting.until ?? 'the last run has ended'} (${waiting.reason})`;
