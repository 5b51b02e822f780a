import { describe, expect, it } from '@jest/globals';
import { decideDue, type ScheduleState } from './schedule.policy.js';

const HOUR = 3_600_000;
/** Every full hour. */
const hourly = (_: string, after: Date) => new Date(Math.floor(after.getTime() / HOUR) * HOUR + HOUR);
const at = (time: string) => new Date(`2026-03-10T${time}Z`);
const nightly = (overrides: Partial<ScheduleState> = {}): ScheduleState => ({
  name: 'nightly',
  doneUntil: at('02:00:00'),
  missed: 'run-once',
  isPaused: false,
  ...overrides,
});

describe('decideDue', () => {
  it('given no slot since the last, then nothing is due', () => {
    expect(decideDue([nightly()], hourly, at('02:59:59'))).toEqual({ due: [], passed: [] });
  });

  it('given a slot that has just come, then it is due', () => {
    const { due } = decideDue([nightly()], hourly, at('03:00:00'));
    expect(due).toEqual([{ schedule: 'nightly', slotAt: at('03:00:00'), isLate: false }]);
  });

  it('given an outage over three slots, then one late run serves them all', () => {
    const { due, passed } = decideDue([nightly()], hourly, at('05:30:00'));
    expect(due).toEqual([{ schedule: 'nightly', slotAt: at('05:00:00'), isLate: true }]);
    expect(passed.map(({ slotAt, reason }) => [slotAt, reason])).toEqual([
      [at('03:00:00'), 'superseded'],
      [at('04:00:00'), 'superseded'],
    ]);
  });

  it('given `skip`, then a missed slot is passed over and said so', () => {
    const { due, passed } = decideDue([nightly({ missed: 'skip' })], hourly, at('03:30:00'));
    expect(due).toEqual([]);
    expect(passed).toEqual([{ schedule: 'nightly', slotAt: at('03:00:00'), reason: 'missed' }]);
  });

  it('given `skip`, then a slot that comes on time runs', () => {
    expect(decideDue([nightly({ missed: 'skip' })], hourly, at('03:00:10')).due).toHaveLength(1);
  });

  it('given a paused schedule, then its slot is passed over and said so', () => {
    const { due, passed } = decideDue([nightly({ isPaused: true })], hourly, at('03:00:00'));
    expect(due).toEqual([]);
    expect(passed).toEqual([{ schedule: 'nightly', slotAt: at('03:00:00'), reason: 'paused' }]);
  });
});
