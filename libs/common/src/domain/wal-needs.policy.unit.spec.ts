import { describe, expect, it } from '@jest/globals';
import { parseLsn } from './lsn.js';
import { decideWalNeeds, isWalNeeded, type WalUser } from './wal-needs.policy.js';

const base = (
  id: string,
  day: number,
  start: string,
  { end = start, system = '7001', timeline = 1 } = {},
): WalUser => ({
  id,
  takenAt: new Date(`2026-11-${String(day).padStart(2, '0')}T02:00:00Z`),
  requires: [{ systemId: system, timeline, startLsn: parseLsn(start), endLsn: parseLsn(end) }],
});
const dump: WalUser = { id: 'dump', takenAt: new Date('2026-11-01T02:00:00Z'), requires: [] };
const segment = (start: string, end: string, { system = '7001', timeline = 1 } = {}) => ({
  ...{ systemId: system, timeline, startLsn: parseLsn(start), endLsn: parseLsn(end) },
});

describe('the archived log that has to stay', () => {
  it('begins where the oldest backup that is there begins, whatever else does not need it', () => {
    expect(decideWalNeeds([base('b2', 20, '0/9000028'), dump, base('b1', 10, '0/3000028')])).toEqual([
      { systemId: '7001', from: '0/3000028', fromBackup: 'b1', stretches: [] },
    ]);
  });

  it('begins at the newest backup before the first instant that shall be reachable; older ones keep their own stretch', () => {
    const users = [
      base('old', 1, '0/1000028', { end: '0/1800000' }),
      base('before', 10, '0/3000028'),
      base('after', 20, '0/9000028'),
    ];
    const needs = decideWalNeeds(users, new Date('2026-11-15T00:00:00Z'));
    expect(needs).toEqual([
      { systemId: '7001', from: '0/3000028', fromBackup: 'before', stretches: users[0]?.requires },
    ]);
    const isNeeded = (start: string, end: string) => isWalNeeded(segment(start, end), needs);
    expect(isNeeded('0/0', '0/1000000')).toBe(false);
    expect(isNeeded('0/1000000', '0/2000000')).toBe(true);
    expect(isNeeded('0/2000000', '0/3000000')).toBe(false);
    expect(isNeeded('0/3000000', '0/4000000')).toBe(true);
    expect(isNeeded('0/A000000', '0/B000000')).toBe(true);
  });

  it('begins at the oldest one when none is older than that instant', () => {
    const users = [base('b2', 20, '0/9000028'), base('b1', 19, '0/3000028')];
    expect(decideWalNeeds(users, new Date('2026-11-15T00:00:00Z'))).toMatchObject([{ from: '0/3000028' }]);
  });

  it('counts positions on all timelines, as a fork goes on where its parent was left', () => {
    const needs = decideWalNeeds([base('b2', 20, '1/0', { timeline: 2 }), base('b1', 10, '0/F000000')]);
    expect(needs).toMatchObject([{ from: '0/F000000' }]);
    expect(isWalNeeded(segment('0/E000000', '0/F000000', { timeline: 2 }), needs)).toBe(false);
    expect(isWalNeeded(segment('0/F000000', '1/0', { timeline: 3 }), needs)).toBe(true);
  });

  it('is told for each cluster, and stays for one that no backup names: its first may be on the way', () => {
    const needs = decideWalNeeds([base('a', 10, '0/3000028'), base('b', 10, '5/0', { system: '7002' })]);
    expect(needs.map(({ systemId, from }) => `${systemId} ${from}`)).toEqual(['7001 0/3000028', '7002 5/0']);
    expect(isWalNeeded(segment('0/0', '0/1000000', { system: '7003' }), needs)).toBe(true);
    expect(isWalNeeded(segment('0/0', '0/1000000', { system: '7002' }), needs)).toBe(false);
  });
});
