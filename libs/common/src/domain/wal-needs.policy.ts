import { compareLsn, type Lsn } from './lsn.js';

/** Log that one backup reads to become consistent, as its manifest requires it. */
export interface WalStretch {
  readonly systemId: string;
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

/** A backup that is there, kept or not: until it is deleted, its log must be there as well. */
export interface WalUser {
  readonly id: string;
  readonly takenAt: Date;
  readonly requires: readonly WalStretch[];
  /** Good, and kept by retention: later instants are reached from it. */
  readonly leadsOn: boolean;
  /** A hold is on it, or a run works with it: what is archived since may be what the run reads. */
  readonly isHeld: boolean;
}

/** Which archived log of one cluster has to stay. */
export interface WalNeeds {
  readonly systemId: string;
  /** Everything from this position onward, on every timeline: from the backup of this id every later instant can be reached. */
  readonly from: Lsn;
  readonly fromBackup: string;
  /** What older backups need for themselves alone. */
  readonly stretches: readonly WalStretch[];
}

export interface WalSegment {
  readonly systemId: string;
  readonly timeline: number;
  readonly startLsn: Lsn;
  /** The first position behind it. */
  readonly endLsn: Lsn;
}

/**
 * From which position onward the log of each cluster must be kept. `reachFrom`: every instant since then shall be reachable, so the newest good
 * backup before it leads on, and so does every backup that is held; others that are older keep only what makes them consistent, whatever state they
 * are in. Without it the oldest backup leads on. Positions count on
 * all timelines: a fork goes on where its parent was left, so that a position never comes down. A cluster without any backup is not among the
 * answers: its log may be that of a first backup that is still being made, and stays.
 */
export function decideWalNeeds(users: readonly WalUser[], reachFrom?: Date): WalNeeds[] {
  const uses = users.flatMap(({ requires, ...user }) => requires.map((stretch) => ({ ...user, stretch })));
  return [...Map.groupBy(uses, ({ stretch }) => stretch.systemId)].map(([systemId, own]) => {
    const before = reachFrom === undefined ? [] : own.filter(({ takenAt, leadsOn }) => leadsOn && takenAt <= reachFrom);
    const newestBefore = Math.max(...before.map(({ takenAt }) => takenAt.getTime()));
    const leading = own.filter(
      ({ takenAt, isHeld }) => before.length === 0 || isHeld || takenAt.getTime() >= newestBefore,
    );
    const first = leading.reduce((a, b) => (compareLsn(a.stretch.startLsn, b.stretch.startLsn) <= 0 ? a : b));
    const from = first.stretch.startLsn;
    const stretches = own.map(({ stretch }) => stretch).filter(({ startLsn }) => compareLsn(startLsn, from) < 0);
    return { systemId, from, fromBackup: first.id, stretches };
  });
}

/** Whether a segment has to stay; one of a cluster that no backup names does. */
export function isWalNeeded(segment: WalSegment, needs: readonly WalNeeds[]): boolean {
  const own = needs.find(({ systemId }) => systemId === segment.systemId);
  if (own === undefined || compareLsn(segment.endLsn, own.from) > 0) return true;
  return own.stretches.some(
    ({ startLsn, endLsn }) => compareLsn(segment.endLsn, startLsn) > 0 && compareLsn(segment.startLsn, endLsn) <= 0,
  );
}
