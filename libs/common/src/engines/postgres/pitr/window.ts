import type { BaseFacts } from '#common/contracts/base-facts.js';
import { type Lsn, toLsnBytes } from '#common/domain/lsn.js';
import { toLsn, type WalBytes } from '#common/domain/wal.js';
import type { ArchiveIndex } from '#common/engines/postgres/wal/archive-index.js';
import type { ArchiveHead } from '#common/engines/postgres/wal/wal-archive.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';
import { type WalReach, walFrom } from './wal-reach.js';

/** A base backup that exists. */
export interface KnownBase {
  readonly backupId: string;
  readonly facts: Pick<BaseFacts, 'takenAt' | 'timeline' | 'startLsn' | 'endLsn' | 'walIncluded'>;
}

/** What is known of one cluster's backups. */
export interface Recoverable {
  readonly bases: readonly KnownBase[];
  readonly index: ArchiveIndex;
  readonly paths: ReadonlyMap<number, TimelinePath>;
  readonly head: ArchiveHead | undefined;
}

/** From `from` on every moment can be recovered, up to `to`. */
export interface RecoveryWindow {
  readonly timeline: number;
  readonly from: { readonly lsn: string; readonly at: string };
  /** `at`: everything that was durable then is there; null: the archive does not tell, the last commit does. */
  readonly to: { readonly lsn: string; readonly at: string | null };
  /** Oldest first. */
  readonly bases: readonly string[];
}

/** Nothing between the two can be recovered. */
export interface RecoveryHole {
  readonly timeline: number;
  readonly from: RecoveryWindow['to'];
  readonly to: RecoveryWindow['from'];
}

/** What lies between two windows of one timeline. */
export const findHoles = (windows: readonly RecoveryWindow[]): RecoveryHole[] =>
  windows.flatMap(({ timeline, from: to }, index) => {
    const before = windows[index - 1];
    return before?.timeline === timeline ? [{ timeline, from: before.to, to }] : [];
  });

/** Whether a base lies on the way to a timeline. */
export function isOnPath({ facts }: KnownBase, { timeline, history }: TimelinePath): boolean {
  if (facts.timeline === timeline) return true;
  const left = history.find((each) => each.timeline === facts.timeline);
  return left !== undefined && bytesOf(facts.endLsn) <= left.endsAt;
}

export const pathTo = ({ paths }: Recoverable, timeline: number): TimelinePath =>
  paths.get(timeline) ?? { timeline, history: [] };

/** Every timeline that a base leads to, oldest first. */
export function timelinesOf(known: Recoverable): number[] {
  const all = new Set([...known.paths.keys(), ...known.bases.map(({ facts }) => facts.timeline)]);
  return [...all]
    .filter((timeline) => known.bases.some((base) => isOnPath(base, pathTo(known, timeline))))
    .sort((a, b) => a - b);
}

export function reachOf({ facts }: KnownBase, { index }: Recoverable, path: TimelinePath): WalReach {
  const includedUpTo = bytesOf(facts.endLsn);
  return walFrom(index, path, { start: bytesOf(facts.startLsn), includedUpTo: facts.walIncluded ? includedUpTo : 0n });
}

/** Until when a reach is complete by the archiver's own account; undefined: it ends before. */
export function completeUntil({ head }: Recoverable, reach: WalReach): string | undefined {
  if (head === undefined || reach.isCutShort || head.timeline !== reach.timeline) return undefined;
  return reach.end >= bytesOf(head.lsn) ? head.at : undefined;
}

/** What can be recovered along each timeline; between two windows of one lies a hole that nothing fills. */
export function findWindows(known: Recoverable): RecoveryWindow[] {
  return timelinesOf(known).flatMap((timeline) => {
    const path = pathTo(known, timeline);
    const windows: RecoveryWindow[] = [];
    for (const base of onPath(known, path)) {
      const reach = reachOf(base, known, path);
      const current = windows.at(-1);
      const to = { lsn: toLsn(reach.end), at: completeUntil(known, reach) ?? null };
      if (current !== undefined && bytesOf(current.to.lsn) >= bytesOf(base.facts.endLsn))
        windows[windows.length - 1] = { ...current, to, bases: [...current.bases, base.backupId] };
      else
        windows.push({
          ...{ timeline, to, bases: [base.backupId] },
          from: { lsn: base.facts.endLsn, at: base.facts.takenAt },
        });
    }
    return windows;
  });
}

/** Oldest first. */
export const onPath = ({ bases }: Recoverable, path: TimelinePath): KnownBase[] =>
  bases
    .filter((base) => isOnPath(base, path))
    .sort((a, b) => (bytesOf(a.facts.endLsn) < bytesOf(b.facts.endLsn) ? -1 : 1));

export const bytesOf = (lsn: string): WalBytes => toLsnBytes(lsn as Lsn);
