import { describeTarget, type RecoveryGoal } from '#common/contracts/recovery-target.js';
import { toLsn } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { WalReach } from './wal-reach.js';
import {
  bytesOf,
  completeUntil,
  type KnownBase,
  onPath,
  pathTo,
  type Recoverable,
  reachOf,
  timelinesOf,
} from './window.js';

export interface RecoveryDecision {
  readonly base: KnownBase;
  readonly goal: RecoveryGoal;
  readonly timeline: number;
  readonly reach: WalReach;
  /** Everything that was committed up to the target is known to be archived: where the WAL ends before it, nothing is missing. */
  readonly mayEndEarly: boolean;
}

export interface DecideOptions {
  /** A base that the operator names; default: the newest from which the target can be reached. */
  readonly backupId?: string | undefined;
}

/**
 * From which base, and with which WAL, a goal is reached. Throws: recovery.outside, naming the nearest that can be reached; backup.missing.
 */
export function decideRecovery(
  known: Recoverable,
  goal: RecoveryGoal,
  { backupId }: DecideOptions = {},
): RecoveryDecision {
  const timeline = goal.timeline ?? timelinesOf(known).at(-1);
  if (timeline === undefined) throw outside(goal, 'there is no base backup');
  const path = pathTo(known, timeline);
  const bases = onPath(known, path);
  const [oldest] = bases;
  if (oldest === undefined)
    throw outside(goal, `no base backup leads to timeline ${timeline}; there is: ${timelinesOf(known).join(', ')}`);
  const wanted = backupId === undefined ? bases : bases.filter((base) => base.backupId === backupId);
  if (wanted.length === 0)
    throw new AppError(
      'backup.missing',
      `there is no base backup ${toText(backupId)} on the way to timeline ${timeline}`,
    );
  const base = wanted.findLast((each) => isBefore(each, goal));
  if (base === undefined) {
    const { takenAt, endLsn } = (wanted[0] ?? oldest).facts;
    throw outside(
      goal,
      `the oldest base backup is of ${takenAt}, WAL position ${endLsn}: nothing before it can be reached`,
    );
  }
  const reach = reachOf(base, known, path);
  if (reach.end < bytesOf(base.facts.endLsn))
    throw outside(goal, `the WAL that backup ${base.backupId} needs to become consistent is not archived`);
  return {
    base,
    goal,
    timeline,
    reach,
    mayEndEarly: assertWithin(known, { base, goal, reach, next: nextOf(bases, base) }),
  };
}

function isBefore({ facts }: KnownBase, { target }: RecoveryGoal): boolean {
  if (target.kind === 'time') return Date.parse(facts.takenAt) <= Date.parse(target.at);
  if (target.kind === 'lsn') return bytesOf(facts.endLsn) <= bytesOf(target.lsn);
  return true;
}

const nextOf = (bases: readonly KnownBase[], base: KnownBase): KnownBase | undefined => bases[bases.indexOf(base) + 1];

interface Within extends Pick<RecoveryDecision, 'base' | 'goal' | 'reach'> {
  readonly next: KnownBase | undefined;
}

/** Throws: recovery.outside. */
function assertWithin(known: Recoverable, { base, goal, reach, next }: Within): boolean {
  const { target } = goal;
  const end = `WAL position ${toLsn(reach.end)}`;
  const behind =
    next === undefined ? '' : `; behind the hole everything from the base backup of ${next.facts.takenAt} on can be`;
  if (target.kind === 'lsn') {
    if (bytesOf(target.lsn) <= reach.end) return true;
    throw outside(goal, `what is archived ends at ${end}${behind}`);
  }
  // A copy of an idle standby is consistent where its WAL ends, and the server looks for this target at a record only: behind the end it finds none.
  if (target.kind !== 'time') return target.kind === 'immediate';
  const until = completeUntil(known, reach);
  if (until !== undefined && Date.parse(target.at) <= Date.parse(until)) return true;
  if (until !== undefined) throw outside(goal, `what is archived is complete until ${until} (${end})`);
  // When the last of it was committed only a replay tells; it was stored later than that.
  const storedAt = lastStoredAt(base, reach);
  if (Date.parse(target.at) <= storedAt.getTime() + CLOCKS_APART_MS) return false;
  const what = reach.isCutShort ? 'a hole begins at' : 'what is archived ends at';
  throw outside(goal, `${what} ${end}, and everything before was written by ${storedAt.toISOString()}${behind}`);
}

/** The storage has another clock than the source. */
const CLOCKS_APART_MS = 5 * 60_000;

function lastStoredAt({ facts }: KnownBase, { files }: WalReach): Date {
  const stored = files.flatMap(({ whole, pieces }) => [...(whole === undefined ? [] : [whole]), ...pieces]);
  const times = stored.map(({ storedAt }) => storedAt?.getTime() ?? 0);
  return new Date(times.reduce((a, b) => Math.max(a, b), Date.parse(facts.takenAt)));
}

const outside = (goal: RecoveryGoal, why: string): AppError =>
  new AppError('recovery.outside', `a recovery ${describeTarget(goal)} is not possible: ${why}`, {
    target: { ...goal.target },
  });
