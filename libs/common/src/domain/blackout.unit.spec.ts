import { describe, expect, it } from '@jest/globals';
import { type BlackoutWindow, findBlackoutEnd, findOpening } from './blackout.js';

const HOUR = 3_600_000;
const window = (from: number, to: number, rest: Partial<BlackoutWindow> = {}): BlackoutWindow => ({
  zone: 'Europe/Berlin',
  fromMs: from * HOUR,
  toMs: to * HOUR,
  days: undefined,
  ...rest,
});
const end = (windows: BlackoutWindow[], at: string) => findBlackoutEnd(windows, new Date(at))?.toISOString();

describe('findBlackoutEnd', () => {
  it('given an instant inside, then the end, in the window’s own zone', () => {
    expect(end([window(8, 10)], '2026-01-15T07:30:00Z')).toBe('2026-01-15T09:00:00.000Z');
    expect(end([window(8, 10)], '2026-07-15T07:30:00Z')).toBe('2026-07-15T08:00:00.000Z');
  });

  it('given the first instant of a window, then inside; given its last, then outside', () => {
    expect(end([window(8, 10)], '2026-01-15T07:00:00Z')).toBe('2026-01-15T09:00:00.000Z');
    expect(end([window(8, 10)], '2026-01-15T09:00:00Z')).toBeUndefined();
  });

  it('given a window over midnight, then both its parts belong to the day on which it begins', () => {
    const friday = [window(22, 6, { days: ['fri'] })];
    expect(end(friday, '2026-01-16T22:30:00Z')).toBe('2026-01-17T05:00:00.000Z');
    expect(end(friday, '2026-01-17T04:30:00Z')).toBe('2026-01-17T05:00:00.000Z');
    expect(end(friday, '2026-01-16T04:30:00Z')).toBeUndefined();
    expect(end(friday, '2026-01-17T22:30:00Z')).toBeUndefined();
  });

  it('given an end that the clocks leave out, then the moment at which they are set', () => {
    expect(end([window(1, 2.5)], '2026-03-29T00:30:00Z')).toBe('2026-03-29T01:00:00.000Z');
  });

  it('given an end that the clocks show twice, then the next of the two', () => {
    expect(end([window(1, 2.5)], '2026-10-25T00:15:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(end([window(1, 2.5)], '2026-10-25T01:15:00Z')).toBe('2026-10-25T01:30:00.000Z');
  });

  it('given windows that hold the same instant, then the last end', () => {
    expect(end([window(8, 10), window(9, 11)], '2026-01-15T08:30:00Z')).toBe('2026-01-15T10:00:00.000Z');
  });
});

describe('findOpening', () => {
  it('given windows that follow each other, then the end of the last', () => {
    const opening = findOpening([window(8, 10), window(10, 12)], new Date('2026-01-15T07:30:00Z'));
    expect(opening?.toISOString()).toBe('2026-01-15T11:00:00.000Z');
  });

  it('given windows that leave no room, then none', () => {
    expect(findOpening([window(0, 24)], new Date('2026-01-15T07:30:00Z'))).toBeUndefined();
  });
});
