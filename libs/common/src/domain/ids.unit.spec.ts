import { describe, expect, it } from '@jest/globals';
import { isUuid, toRunId, toUuidV5, toUuidV7 } from './ids.js';

describe('ids', () => {
  it('UUIDv7 carries the milliseconds, its version and variant', () => {
    const id = toUuidV7(new Date(0x0198_7654_3210), new Uint8Array(10).fill(255));
    expect(id).toBe('01987654-3210-7fff-bfff-ffffffffffff');
    expect(isUuid(id)).toBe(true);
  });

  it('later UUIDv7 sort after earlier ones', () => {
    const random = new Uint8Array(10).fill(255);
    expect(toUuidV7(new Date(1), random) < toUuidV7(new Date(2), new Uint8Array(10))).toBe(true);
  });

  it('a repeated request finds its first run, another source does not', () => {
    expect(toRunId('cron', '7')).toBe(toRunId('cron', '7'));
    expect(toRunId('cron', '7')).not.toBe(toRunId('rpk', '7'));
  });

  it('parts do not run into each other', () => {
    expect(toUuidV5('ab', 'c')).not.toBe(toUuidV5('a', 'bc'));
  });
});
