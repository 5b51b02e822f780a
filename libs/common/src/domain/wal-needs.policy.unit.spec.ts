import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseLsn, toLsnBytes } from './lsn.js';
import { toLsn } from './wal.js';
import { decideWalNeeds, isWalNeeded, type WalSegment, type WalUser } from './wal-needs.policy.js';

const folder = join(process.cwd(), 'test/golden/wal-needs');

/** One backup as it stands in a file; what is usual is left out, and without a `start` it needs no WAL. */
interface GoldenBackup extends Partial<Pick<WalUser, 'leadsOn' | 'isHeld'>> {
  readonly id: string;
  readonly at: string;
  readonly start?: string;
  readonly end?: string;
  readonly timeline?: number;
  readonly system?: string;
}

interface Golden {
  readonly title: string;
  readonly reachFrom?: string;
  readonly backups: readonly GoldenBackup[];
  /** `timeline start`, each of 16 MB. */
  readonly segments: readonly string[];
  /** What stays of each cluster, then what has expired. */
  readonly expected: readonly string[];
}

const goldens = readdirSync(folder)
  .sort()
  .map((name): [string, Golden] => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Golden]);

const toUser = ({ id, at, start, end = start, timeline = 1, system = '7001', ...standing }: GoldenBackup): WalUser => ({
  ...{ id, takenAt: new Date(at), leadsOn: true, isHeld: false },
  ...standing,
  requires:
    start === undefined || end === undefined
      ? []
      : [{ systemId: system, timeline, startLsn: parseLsn(start), endLsn: parseLsn(end) }],
});

function toSegment(text: string, systemId = '7001'): WalSegment {
  const [timeline = '', start = ''] = text.split(' ');
  const startLsn = parseLsn(start);
  return { systemId, timeline: Number(timeline), startLsn, endLsn: toLsn(toLsnBytes(startLsn) + 0x100_0000n) };
}

describe('the archived log that has to stay', () => {
  it.each(goldens)('%s', (_, { reachFrom, backups, segments, expected }) => {
    const from = reachFrom === undefined ? undefined : new Date(reachFrom);
    const needs = decideWalNeeds(backups.map(toUser), from);
    const expired = segments.filter((segment) => !isWalNeeded(toSegment(segment), needs));
    expect([
      ...needs.flatMap((own) => [
        `${own.systemId} from ${own.from} (${own.fromBackup})`,
        ...own.stretches.map(({ startLsn, endLsn }) => `stretch ${startLsn} to ${endLsn}`),
      ]),
      ...expired.map((segment) => `expired ${segment}`),
    ]).toEqual(expected);
  });

  it('is decided for each cluster, and stays for one that no backup names: its first may be on the way', () => {
    const at = '2026-11-10T02:00:00Z';
    const needs = decideWalNeeds(
      [
        { id: 'a', at, start: '0/3000028' },
        { id: 'b', at, start: '5/0', system: '7002' },
      ].map(toUser),
    );
    expect(needs.map(({ systemId, from }) => `${systemId} ${from}`)).toEqual(['7001 0/3000028', '7002 5/0']);
    expect(isWalNeeded(toSegment('1 0/0', '7003'), needs)).toBe(true);
    expect(isWalNeeded(toSegment('1 0/0', '7002'), needs)).toBe(false);
  });
});
