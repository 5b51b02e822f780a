import { describe, expect, it } from '@jest/globals';
import { parseGoal } from './recovery-goal.js';

describe('the target of a recovery on the command line', () => {
  it.each([
    [{}, { target: { kind: 'latest' }, inclusive: true }],
    [
      { 'to-time': '2026-03-01T12:00:00+01:00', exclusive: true },
      { target: { kind: 'time', at: '2026-03-01T12:00:00+01:00' }, inclusive: false },
    ],
    [
      { 'to-lsn': '0/16b3748', timeline: '2' },
      { target: { kind: 'lsn', lsn: '0/16B3748' }, inclusive: true, timeline: 2 },
    ],
    [{ 'to-xid': '777' }, { target: { kind: 'xid', xid: '777' }, inclusive: true }],
    [{ immediate: true }, { target: { kind: 'immediate' }, inclusive: true }],
  ])('%j is %j', (options, goal) => {
    expect(parseGoal(options)).toEqual(goal);
  });

  it.each([
    [{ 'to-time': '2026-03-01 12:00' }, 'says no UTC offset'],
    [{ 'to-time': 'yesterdayZ' }, 'target'],
    [{ 'to-lsn': 'there' }, 'target'],
    [{ 'to-xid': '5', immediate: true }, 'several are named'],
  ])('%j is refused: %s', (options, message) => {
    expect(() => parseGoal(options)).toThrow(
      expect.objectContaining({ code: 'request.invalid', message: expect.stringContaining(message) }),
    );
  });
});
