import { type Period, Periods, toPeriods } from './calendar.js';
import { toDurationText } from './duration.js';

/** How long the backups of one dataset are kept, those of each method by themselves. What is left out keeps nothing; all rules left out keep everything. */
export interface RetentionPolicy {
  /** Everything younger than this. */
  readonly withinMs?: number | undefined;
  /** The newest so many. */
  readonly last?: number | undefined;
  /** The newest of each of the last so many days, weeks, … that have a backup. */
  readonly day?: number | undefined;
  readonly week?: number | undefined;
  readonly month?: number | undefined;
  readonly year?: number | undefined;
  /** IANA zone in which days begin. */
  readonly zone: string;
  /** The newest so many are kept, whatever the other rules say. */
  readonly minimumGood: number;
  /** For dumps taken before a restore replaced a database; left out, `withinMs` counts for them as well. */
  readonly safetyWithinMs?: number | undefined;
}

/** What an operator says who wants one backup gone, whatever the rules say. */
export interface DeletionRequest {
  readonly by: string;
  /** Named twice: it goes also when no other good backup is left. */
  readonly evenLastGood: boolean;
}

/** A backup that exists, as far as the decision is concerned. */
export interface RetainedBackup {
  readonly id: string;
  /** Each method has its own newest, its own last verified one and its own minimum: a base backup makes no dump expire. */
  readonly method: string;
  readonly purpose: 'regular' | 'safety';
  /** The instant that a restore brings back. */
  readonly takenAt: Date;
  /** A restore of it was once proven, and its objects have failed no proof since. */
  readonly isVerified: boolean;
  /** Its own objects failed a proof: it may be of no use. */
  readonly isDamaged: boolean;
  /** An operator's request to delete it; null without one. */
  readonly asked: DeletionRequest | null;
  /** Names of what holds it: an operator's reason, a run. */
  readonly holds: readonly string[];
  /** Ids of the backups without which it cannot be restored. */
  readonly needs: readonly string[];
  /** What is archived after it leads on from it to later instants. */
  readonly rollsForward: boolean;
  /** How the run that should have made it ended without it: it was never called a backup. Null of all others. */
  readonly givenUpAs: 'failed' | 'cancelled' | null;
}

export interface RetentionDecision {
  readonly id: string;
  readonly isKept: boolean;
  /** Why it is kept, all of it; or why no rule keeps it. Never empty. */
  readonly reasons: readonly string[];
}

/** Why nothing that a method made expires now. */
export interface RetentionRefusal {
  readonly method: string;
  readonly reason: string;
}

export interface RetentionPlan {
  readonly refusals: readonly RetentionRefusal[];
  /** Newest first. */
  readonly decisions: readonly RetentionDecision[];
}

export interface RetentionContext {
  /** Methods whose newest backup run of the dataset failed: what is there may be all that there will be. */
  readonly failing: readonly string[];
  /** Backups that are unlike those before them, and at which no operator has looked. */
  readonly suspicious?: readonly { readonly id: string; readonly reasons: readonly string[] }[];
}

type Reasons = ReadonlyMap<string, string[]>;

/**
 * Splits backups into kept and expired, each with its reasons, those of each method by the whole of the policy. A backup from the future is kept and counts for no rule: its clock, or
 * ours, is wrong. Holds add to what is kept and count for no rule either, so that one more hold never expires anything. A damaged backup
 * counts for no rule, so that it never expires a good one; it stays for as long as it would if it were good, since the proof may be wrong
 * and the rest of it may be all that there is. One that an operator wants gone counts for no rule and is kept by none, also while backups
 * fail, for they may fail for want of its space, and while one is suspicious; it stays while something holds or needs it, or while it is the last good one and was not
 * named twice. So does what a run left that was given up, except that it counts for nothing and stays while backups fail: it may be the
 * newest that there is.
 */
export function decideRetention(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  now: Date,
  { failing, suspicious = [] }: RetentionContext = { failing: [] },
): RetentionPlan {
  const newestFirst = [...backups].sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.id < b.id ? 1 : -1));
  const reasons: Reasons = new Map(newestFirst.map(({ id, holds }) => [id, holds.map((name) => `held by ${name}`)]));
  const past = newestFirst.filter(({ takenAt }) => takenAt <= now);
  for (const { id } of newestFirst.slice(0, newestFirst.length - past.length)) reasons.get(id)?.push('from the future');
  const made = past.filter(({ givenUpAs }) => givenUpAs === null);
  for (const ofMethod of Map.groupBy(made, ({ method }) => method).values())
    decideMethod(ofMethod, policy, { reasons, now });
  const methods = [...new Set(backups.map(({ method }) => method))].sort();
  const refusals = [...[...failing].sort().map(toRefusal), ...suspicious.slice(0, 1).flatMap(toLookFirst(methods))];
  for (const refusal of refusals) refuse(newestFirst, { reasons, refusal });
  keepNeeded(newestFirst, reasons);
  return { refusals, decisions: newestFirst.map((backup) => toDecision(backup, reasons, policy)) };
}

const toRefusal = (method: string): RetentionRefusal => ({
  method,
  reason: `the newest backup run by ${method} failed`,
});

/** A source that was emptied, or encrypted, may have been so for days: nothing that was taken before goes, by whatever method. */
const toLookFirst =
  (methods: readonly string[]) =>
  ({ id, reasons }: { readonly id: string; readonly reasons: readonly string[] }): RetentionRefusal[] =>
    methods.map((method) => ({
      method,
      reason: `backup ${id} is suspicious (${reasons.join('; ')}): look at it, then say \`holdfast backup accept ${id} --reason …\``,
    }));

/** Of one method alone. */
function decideMethod(past: readonly RetainedBackup[], policy: RetentionPolicy, { reasons, now }: Decided): void {
  const ruled = past.filter(({ asked }) => asked === null);
  if (isEmpty(policy)) for (const { id } of ruled) reasons.get(id)?.push('the policy has no rule');
  else {
    applyRules(
      ruled.filter(({ isDamaged }) => !isDamaged),
      policy,
      { reasons, now },
    );
    keepDamaged(ruled, policy, { reasons, now });
  }
  keepLastGood(past, reasons);
}

const countRules = ['last', ...Periods] as const;

const isEmpty = (policy: RetentionPolicy): boolean =>
  policy.withinMs === undefined &&
  policy.safetyWithinMs === undefined &&
  countRules.every((rule) => policy[rule] === undefined);

interface Decided {
  readonly reasons: Reasons;
  readonly now: Date;
}

function applyRules(past: readonly RetainedBackup[], policy: RetentionPolicy, { reasons, now }: Decided): void {
  const keep = (backup: RetainedBackup | undefined, reason: string) => backup && reasons.get(backup.id)?.push(reason);
  for (const backup of past) {
    const withinMs = toWithinMs(backup, policy);
    if (withinMs === 'forever') keep(backup, 'no rule speaks of it');
    else if (withinMs !== undefined && now.getTime() - backup.takenAt.getTime() <= withinMs)
      keep(backup, `within ${toDurationText(withinMs)}`);
  }
  const regular = past.filter(({ purpose }) => purpose === 'regular');
  if (policy.withinMs !== undefined)
    keep(findBeginning(regular, policy.withinMs, now), `leads on to all of ${toDurationText(policy.withinMs)}`);
  const { last = 0 } = policy;
  regular.slice(0, last).forEach((backup, index) => {
    keep(backup, `last ${last}: number ${index + 1}`);
  });
  for (const period of Periods) {
    for (const [name, backup] of newestPer(regular, period, policy)) keep(backup, `newest of ${period} ${name}`);
  }
  for (const backup of regular.slice(0, policy.minimumGood))
    keep(backup, `minimum of ${policy.minimumGood} good backups`);
  keep(
    regular.find(({ isVerified }) => isVerified),
    'last verified',
  );
}

/** The newest before the period from which what was archived leads on to its first instants, if there is such a one. */
const findBeginning = (
  newestFirst: readonly RetainedBackup[],
  withinMs: number,
  now: Date,
): RetainedBackup | undefined =>
  newestFirst.find(({ takenAt, rollsForward }) => rollsForward && now.getTime() - takenAt.getTime() > withinMs);

function keepLastGood(past: readonly RetainedBackup[], reasons: Reasons): void {
  const good = past.filter(({ purpose, isDamaged }) => purpose === 'regular' && !isDamaged);
  if (good.some(({ asked }) => asked === null)) return;
  const last = good.find(({ asked }) => asked?.evenLastGood === false);
  if (last !== undefined) reasons.get(last.id)?.push(LAST_GOOD);
}

/** Why an operator's wish is not followed. */
export const LAST_GOOD = 'the last good backup';

function keepDamaged(past: readonly RetainedBackup[], policy: RetentionPolicy, { reasons, now }: Decided): void {
  const asIfGood: Reasons = new Map(past.map(({ id }) => [id, []]));
  applyRules(past, policy, { reasons: asIfGood, now });
  for (const { id } of past.filter(({ isDamaged }) => isDamaged))
    reasons
      .get(id)
      ?.push(...(asIfGood.get(id) ?? []).map((reason) => `damaged, and kept as if it were good: ${reason}`));
}

/** Days and counts are not for safety dumps: how many there are says only how often operators restored. */
function toWithinMs({ purpose }: RetainedBackup, policy: RetentionPolicy): number | undefined | 'forever' {
  if (purpose === 'regular') {
    const hasRule = policy.withinMs !== undefined || countRules.some((rule) => policy[rule] !== undefined);
    return hasRule ? policy.withinMs : 'forever';
  }
  return policy.safetyWithinMs ?? policy.withinMs ?? 'forever';
}

/** The newest backup of each of the last periods that have one. */
function newestPer(
  newestFirst: readonly RetainedBackup[],
  period: Period,
  policy: RetentionPolicy,
): ReadonlyMap<string, RetainedBackup> {
  const wanted = policy[period] ?? 0;
  const found = new Map<string, RetainedBackup>();
  for (const backup of newestFirst) {
    const name = toPeriods(backup.takenAt, policy.zone)[period];
    if (!found.has(name) && found.size < wanted) found.set(name, backup);
  }
  return found;
}

function refuse(
  backups: readonly RetainedBackup[],
  { reasons, refusal }: { readonly reasons: Reasons; readonly refusal: RetentionRefusal },
): void {
  for (const { id, asked, method } of backups) {
    const known = reasons.get(id);
    if (asked === null && method === refusal.method && known?.length === 0)
      known.push(`nothing expires: ${refusal.reason}`);
  }
}

/** What a kept backup needs is kept, and what that needs as well. */
function keepNeeded(backups: readonly RetainedBackup[], reasons: Reasons): void {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const open = backups.filter(({ id }) => reasons.get(id)?.length);
  for (let kept = open.pop(); kept !== undefined; kept = open.pop()) {
    for (const id of kept.needs) {
      const needed = byId.get(id);
      const known = reasons.get(id);
      if (needed === undefined || known === undefined) continue;
      if (known.length === 0) open.push(needed);
      known.push(`needed by ${kept.id}`);
    }
  }
}

function toDecision(backup: RetainedBackup, reasons: Reasons, policy: RetentionPolicy): RetentionDecision {
  const kept = reasons.get(backup.id) ?? [];
  if (kept.length > 0) return { id: backup.id, isKept: true, reasons: kept };
  return { id: backup.id, isKept: false, reasons: [...whyExpired(backup, policy)] };
}

function* whyExpired(backup: RetainedBackup, policy: RetentionPolicy): Generator<string> {
  if (backup.asked !== null) return yield `${backup.asked.by} asked for its deletion`;
  if (backup.givenUpAs !== null) return yield `its run was ${backup.givenUpAs}, so it was never called a backup`;
  if (backup.isDamaged) yield 'damaged';
  const withinMs = toWithinMs(backup, policy);
  if (typeof withinMs === 'number') yield `older than ${toDurationText(withinMs)}`;
  if (backup.purpose === 'safety') return;
  if (policy.last !== undefined) yield `not among the last ${policy.last}`;
  for (const period of Periods) {
    const count = policy[period];
    if (count !== undefined) yield `not the newest of any of the last ${count} ${period}s`;
  }
}
