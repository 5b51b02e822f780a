import { describe, expect, it } from '@jest/globals';
import { toReadable } from './log-line.js';

describe('toReadable', () => {
  it('puts time, who and message first', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2026-05-01T10:11:12.000Z',
      service: 'executor',
      url: 'x',
      msg: 'ready',
    });
    expect(toReadable('executor', line)).toBe('10:11:12 executor     ready {"url":"x"}');
  });

  it('shows level and cause of what went wrong', () => {
    const err = { code: 'bus.unavailable', message: 'no broker answers', stack: '…' };
    const line = JSON.stringify({ level: 'error', time: '2026-05-01T10:11:12.000Z', err, msg: 'not published' });
    expect(toReadable('scheduler', line)).toBe(
      '10:11:12 scheduler    ERROR not published bus.unavailable no broker answers',
    );
  });

  it('leaves alone what is no JSON', () => {
    expect(toReadable('tsc', '{ Found 0 errors')).toBe('tsc          { Found 0 errors');
  });
});
