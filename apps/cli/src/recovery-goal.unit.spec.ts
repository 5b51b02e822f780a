import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { goalOptions, parseGoal } from './recovery-goal.js';

/** As the command line has it, down to the names that its parser makes of options. */
function goalOf(line: string) {
  const command = new Command().exitOverride();
  for (const [flags, description] of goalOptions) command.option(flags, description);
  return parseGoal(
    command
      .parse(
        line.split(' ').filter((word) => word !== ''),
        { from: 'user' },
      )
      .opts(),
  );
}

describe('the target of a recovery on the command line', () => {
  it.each([
    ['', { target: { kind: 'latest' }, inclusive: true }],
    [
      '--to-time 2026-03-01T12:00:00+01:00 --exclusive',
      { target: { kind: 'time', at: '2026-03-01T12:00:00+01:00' }, inclusive: false },
    ],
    ['--to-lsn 0/16b3748 --timeline 2', { target: { kind: 'lsn', lsn: '0/16B3748' }, inclusive: true, timeline: 2 }],
    ['--to-xid 777', { target: { kind: 'xid', xid: '777' }, inclusive: true }],
    ['--to-name release', { target: { kind: 'name', name: 'release' }, inclusive: true }],
    ['--immediate', { target: { kind: 'immediate' }, inclusive: true }],
  ])('%j is %j', (line, goal) => {
    expect(goalOf(line)).toEqual(goal);
  });

  it.each([
    ['--to-time 2026-03-01T12:00', 'says no UTC offset; here it would be 2026-03-01T'],
    ['--to-time yesterdayZ', 'target'],
    ['--to-lsn there', 'target'],
    ['--to-xid 5 --immediate', 'several are named'],
  ])('%j is refused: %s', (line, message) => {
    expect(() => goalOf(line)).toThrow(
      expect.objectContaining({ code: 'request.invalid', message: expect.stringContaining(message) }),
    );
  });
});
