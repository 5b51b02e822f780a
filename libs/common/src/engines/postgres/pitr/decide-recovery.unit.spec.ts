import { describe, expect, it } from '@jest/globals';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { ArchiveIndex } from '#common/engines/postgres/wal/archive-index.js';
import { decideRecovery } from './decide-recovery.js';
import type { KnownBase, Recoverable } from './window.js';

const MIB = 1 << 20;
const at = (time: string): string => `2026-03-01T${time}:00.000Z`;

const base = (backupId: string, segment: number, takenAt: string): KnownBase => ({
  backupId,
  facts: {
    ...{ timeline: 1, takenAt, segmentBytes: MIB, walIncluded: true },
    startLsn: `0/${(segment * MIB).toString(16).toUpperCase()}`,
    endLsn: `0/${(segment * MIB + 256).toString(16).toUpperCase()}`,
  } as BaseFacts,
});

/** Segments 1 to 3 and 6 to 7: between them there is a hole. */
function recoverable(): Recoverable {
  const index = new ArchiveIndex(MIB);
  for (const [segment, storedAt] of [
    [1, at('10:00')],
    [2, at('10:10')],
    [3, at('10:20')],
    [6, at('12:00')],
    [7, at('12:10')],
  ] as const)
    index.add({
      key: `shop/wal/7/00000001/00000001000000000000000${segment}-${'0'.repeat(64)}.zst`,
      sizeBytes: 1,
      modifiedAt: new Date(storedAt),
    });
  const head = { timeline: 1, lsn: '0/800000', at: at('12:10'), segmentBytes: MIB };
  return { bases: [base('old', 1, at('10:00')), base('young', 6, at('12:00'))], index, paths: new Map(), head };
}

const toTime = (time: string): RecoveryGoal => ({ target: { kind: 'time', at: at(time) }, inclusive: true });

describe('the base and the WAL of a recovery', () => {
  it.each([
    ['10:05', 'old'],
    ['10:20', 'old'],
    ['12:05', 'young'],
  ])('to %s begin with %s', (time, backupId) => {
    expect(decideRecovery(recoverable(), toTime(time)).base.backupId).toBe(backupId);
  });

  it.each([
    ['09:00', 'the oldest base backup is of 2026-03-01T10:00:00.000Z'],
    [
      '11:00',
      'a hole begins at WAL position 0/400000, and everything before was written by 2026-03-01T10:20:00.000Z; behind the hole everything from the base backup of 2026-03-01T12:00:00.000Z on',
    ],
    ['13:00', 'is complete until 2026-03-01T12:10:00.000Z (WAL position 0/800000)'],
  ])('to %s are refused with the nearest that can be reached: %s', (time, message) => {
    expect(() => decideRecovery(recoverable(), toTime(time))).toThrow(
      expect.objectContaining({ code: 'recovery.outside', message: expect.stringContaining(message) }),
    );
  });

  it('to a WAL position in a hole are refused with both of its ends', () => {
    const goal: RecoveryGoal = { target: { kind: 'lsn', lsn: '0/500000' }, inclusive: true };
    expect(() => decideRecovery(recoverable(), goal)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/ends at WAL position 0\/400000; behind the hole .* 2026-03-01T12:00/),
      }),
    );
  });
});
