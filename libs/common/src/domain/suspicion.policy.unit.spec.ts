import { describe, expect, it } from '@jest/globals';
import { type BackupExtent, findSuspicion } from './suspicion.policy.js';

const MIB = 1024 * 1024;
const extent = (changes: Partial<BackupExtent> = {}): BackupExtent => ({
  ...{ sourceSizeBytes: 100 * MIB, storedBytes: 10 * MIB, counts: { tables: 20, rows: 5_000 } },
  ...changes,
});
const usual = [extent(), extent(), extent()];

describe('a backup that is unlike those before it', () => {
  it.each<[string, BackupExtent, readonly BackupExtent[], readonly string[]]>([
    ['is none without any before it', extent({ counts: { rows: 0 } }), [], []],
    ['is none as it always was', extent(), usual, []],
    ['is none that grew', extent({ sourceSizeBytes: 300 * MIB, storedBytes: 30 * MIB }), usual, []],
    ['is none that lost a few', extent({ counts: { tables: 18, rows: 3_000 } }), usual, []],
    [
      'is one that lost most of its rows',
      extent({ counts: { tables: 20, rows: 12 } }),
      usual,
      ['12 rows, where 5000 are usual'],
    ],
    [
      'is one whose source is empty',
      extent({ sourceSizeBytes: 0, storedBytes: 0, counts: { tables: 0, rows: 0 } }),
      usual,
      [
        '0 tables, where 20 are usual',
        '0 rows, where 5000 are usual',
        `its source has 0 bytes, where ${100 * MIB} are usual`,
      ],
    ],
    [
      'is one that does not compress any more',
      extent({ storedBytes: 80 * MIB }),
      usual,
      [
        `it takes ${80 * MIB} bytes, where ${10 * MIB} are usual for a source of that size: its content does not compress`,
      ],
    ],
    [
      'is none that takes more for a larger source',
      extent({ sourceSizeBytes: 500 * MIB, storedBytes: 50 * MIB }),
      usual,
      [],
    ],
    ['is none among handfuls', extent({ counts: { rows: 1 } }), [extent({ counts: { rows: 9 } })], []],
    ['is measured against the usual, not the last', extent(), [extent({ counts: { rows: 90_000 } }), ...usual], []],
  ])('%s', (_, now, earlier, expected) => {
    expect(findSuspicion(now, earlier)).toEqual(expected);
  });

  it('is none by a count that comes and goes', () => {
    expect(findSuspicion(extent({ counts: { read: 0 } }), [extent({ counts: { read: 500 } })], ['read'])).toEqual([]);
  });
});
