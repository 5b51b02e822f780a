import { describe, expect, it } from '@jest/globals';
import type { ScheduleMark } from '#common/catalog/stores/schedule.store.js';
import { ScheduleConfig } from '#common/config/policies.config.js';
import type { RunId } from '#common/domain/ids.js';
import { toScheduleView } from './schedule-view.js';

const now = new Date('2026-03-28T12:00:00Z');
const view = (fields: object, mark?: ScheduleMark) =>
  toScheduleView(
    'nightly',
    { ...ScheduleConfig.parse({ dataset: 'shop', zone: 'Europe/Berlin', ...fields }), asks: 'backup', method: 'dump' },
    { now, count: 2, mark },
  );

describe('a schedule as people look at it', () => {
  it('shows the next slots in local time and UTC, also where clocks are changed', () => {
    expect(view({ cron: '30 2 * * *' }).next).toEqual([
      {
        slotAt: '2026-03-29T01:00:00.000Z',
        startsAt: '2026-03-29T01:00:00.000Z',
        local: '2026-03-29 03:00:00 +02:00',
        isInBlackout: false,
      },
      {
        slotAt: '2026-03-30T00:30:00.000Z',
        startsAt: '2026-03-30T00:30:00.000Z',
        local: '2026-03-30 02:30:00 +02:00',
        isInBlackout: false,
      },
    ]);
  });

  it('shows one run for all the slots that wait for the end of a window', () => {
    const { next } = view({ cron: '0 * * * *', blackout: [{ from: '13:30', to: '16:30' }] });
    expect(next.map(({ slotAt, startsAt }) => [slotAt, startsAt])).toEqual([
      ['2026-03-28T15:00:00.000Z', '2026-03-28T15:30:00.000Z'],
      ['2026-03-28T16:00:00.000Z', '2026-03-28T16:00:00.000Z'],
    ]);
  });

  it('shows slots that a window takes away', () => {
    const fields = { cron: '0 14 * * *', blackout: [{ from: '13:00', to: '15:00' }], inBlackout: 'skip' };
    expect(view(fields).next[0]).toEqual({
      slotAt: '2026-03-28T13:00:00.000Z',
      startsAt: null,
      local: '2026-03-28 14:00:00 +01:00',
      isInBlackout: true,
    });
  });

  it('comes to an end for a date that never comes', () => {
    expect(view({ cron: '0 0 30 2 *' }).next).toEqual([]);
  });

  it('says that its state is unknown when the catalog was not asked', () => {
    expect(view({ cron: '30 2 * * *' }).state).toBeNull();
  });

  it('says what the catalog knows', () => {
    const runId = '6f1f5e0c-0a6f-5c0d-9d5e-6f0b8c4b7a11' as RunId;
    const mark: ScheduleMark = {
      name: 'nightly',
      doneUntil: now,
      pausedAt: now,
      pauseReason: null,
      lastSlotAt: now,
      lastRunId: runId,
      lastRun: 'running',
      waiting: { slotAt: now, reason: 'overlap', until: null },
    };
    const instant = now.toISOString();
    expect(view({ cron: '30 2 * * *' }, mark).state).toEqual({
      paused: { since: instant, reason: null },
      lastSlotAt: instant,
      lastRun: { id: runId, state: 'running' },
      waiting: { slotAt: instant, reason: 'overlap', until: null },
    });
  });
});
