import { describe, expect, it } from '@jest/globals';
import { ScheduleConfig } from '#common/config/policies.config.js';
import { nextSlot } from './cron.js';

const berlin = (cron: string) => ScheduleConfig.parse({ dataset: 'shop', cron, zone: 'Europe/Berlin' });
const slotAfter = (schedule: ReturnType<typeof berlin>, instant: string) =>
  nextSlot('nightly', schedule, new Date(instant))?.toISOString();

describe('the next slot', () => {
  it('is meant in the schedule’s own zone, in winter and in summer', () => {
    expect(slotAfter(berlin('0 2 * * *'), '2026-01-10T12:00:00Z')).toBe('2026-01-11T01:00:00.000Z');
    expect(slotAfter(berlin('0 2 * * *'), '2026-07-10T12:00:00Z')).toBe('2026-07-11T00:00:00.000Z');
  });

  it('comes once when the clock is set back and the hour repeats', () => {
    const first = slotAfter(berlin('30 2 * * *'), '2026-10-24T12:00:00Z') ?? '';
    expect(first).toBe('2026-10-25T00:30:00.000Z');
    expect(slotAfter(berlin('30 2 * * *'), first)).toBe('2026-10-26T01:30:00.000Z');
  });

  it('is not lost when the clock is set forward over it', () => {
    expect(slotAfter(berlin('30 2 * * *'), '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
  });

  it('does not exist for a date that never comes', () => {
    expect(slotAfter(berlin('0 0 30 2 *'), '2026-01-01T00:00:00Z')).toBeUndefined();
  });
});
