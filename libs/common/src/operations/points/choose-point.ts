import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { measureAgreement, toSecondsText } from '#common/domain/points/agreement.js';
import { type ChosenMoments, chooseMembers } from '#common/domain/points/choose-members.js';
import { AppError } from '#common/errors/app-error.js';
import type { Moments } from './list-moments.js';

/** From what one member comes back. */
export interface ChosenMember {
  readonly dataset: string;
  /** null: the newest base backup from which `recovery` reaches. */
  readonly backupId: string | null;
  readonly method: string | null;
  /** Up to where archived changes are replayed; null: the backup comes back alone. */
  readonly recovery: RecoveryGoal | null;
  readonly snapshotAt: string;
  readonly offsetMs: number;
}

/** One moment of all members. */
export interface ChosenPoint {
  readonly point: string;
  /** null: the newest that is possible. */
  readonly wantedAt: string | null;
  readonly at: string;
  readonly skewMs: number;
  readonly members: readonly ChosenMember[];
}

export interface PointQuestion {
  readonly point: string;
  readonly wantedAt: string | undefined;
  readonly maxSkewMs: number;
}

/** Pure. Throws: point.unreachable, naming the nearest points that are possible. */
export function choosePoint({ point, wantedAt, maxSkewMs }: PointQuestion, members: readonly Moments[]): ChosenPoint {
  const wantedMs = wantedAt === undefined ? undefined : Date.parse(wantedAt);
  const { chosen, before, after } = chooseMembers(members, { wantedMs, maxSkewMs });
  if (chosen === undefined) throw toUnreachable({ point, wantedAt, maxSkewMs }, { members, before, after });
  const moments = members.map((each) => ({ ...each, atMs: chosen.byDataset.get(each.dataset) as number }));
  const { skewMs, atMs } = measureAgreement(moments, maxSkewMs);
  return {
    ...{ point, wantedAt: wantedAt ?? null, at: new Date(atMs).toISOString(), skewMs },
    members: moments.map((moment) => toMember(moment, moment.atMs - atMs)),
  };
}

/** A backup of exactly this moment comes back alone, which is quicker and needs no archive. */
function toMember({ dataset, backups, atMs }: Moments & { readonly atMs: number }, offsetMs: number): ChosenMember {
  const snapshotAt = new Date(atMs).toISOString();
  const backup = backups.get(atMs);
  if (backup !== undefined)
    return { dataset, backupId: backup.backupId, method: backup.method, recovery: null, snapshotAt, offsetMs };
  const recovery: RecoveryGoal = { target: { kind: 'time', at: snapshotAt }, inclusive: true };
  return { dataset, backupId: null, method: null, recovery, snapshotAt, offsetMs };
}

interface Nearest {
  readonly members: readonly Moments[];
  readonly before: ChosenMoments | undefined;
  readonly after: ChosenMoments | undefined;
}

function toUnreachable({ point, wantedAt, maxSkewMs }: PointQuestion, { members, before, after }: Nearest): AppError {
  const toInstant = (found: ChosenMoments | undefined): string | null =>
    found === undefined ? null : new Date(found.atMs).toISOString();
  const [earlier, later] = [toInstant(before), toInstant(after)];
  const bare = members
    .filter(({ moments, spans }) => moments.length + spans.length === 0)
    .map(({ dataset }) => dataset);
  const why =
    bare.length > 0
      ? `there is no good backup of ${bare.join(', ')}`
      : `no backups of its members lie within ${toSecondsText(maxSkewMs)} of each other in the right order`;
  const hints = [
    ...(earlier === null ? [] : [`the nearest before is ${earlier}`]),
    ...(later === null ? [] : [`the nearest after is ${later}`]),
  ];
  const hint =
    hints.length === 0
      ? `Take one with \`holdfast recovery-points take ${point} --local\`; to restore each dataset from what there is, \`holdfast backup list\`.`
      : `Of the points that are possible ${hints.join(', and ')}: name one of them with --at.`;
  const moment = wantedAt === undefined ? 'any moment' : wantedAt;
  return new AppError(
    'point.unreachable',
    `recovery point "${point}" cannot be brought to ${moment}${hints.length === 0 ? `: ${why}` : ''}`,
    { point, wantedAt: wantedAt ?? null, nearestBefore: earlier, nearestAfter: later },
    { hint },
  );
}
