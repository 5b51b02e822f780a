import { type OrderedMember, referrersOf } from './member-order.js';

export interface MemberMoment extends OrderedMember {
  /** The instant that a restore of it brings back, in milliseconds. */
  readonly atMs: number;
}

export interface Agreement {
  /** Of the newest member that no other refers to. */
  readonly atMs: number;
  readonly skewMs: number;
  /** Empty: the members agree. */
  readonly problems: readonly string[];
}

/** How well moments of datasets fit together as one recovery point. */
export function measureAgreement(members: readonly MemberMoment[], maxSkewMs: number): Agreement {
  const roots = members.filter(({ dataset }) => referrersOf(dataset, members).length === 0);
  const atMs = Math.max(...roots.map((root) => root.atMs));
  const skewMs = Math.max(...members.map((member) => Math.abs(member.atMs - atMs)));
  const far = members.filter((member) => Math.abs(member.atMs - atMs) > maxSkewMs);
  return {
    ...{ atMs, skewMs },
    problems: [
      ...far.map(
        ({ dataset, atMs: of }) =>
          `${dataset} is ${toSecondsText(Math.abs(of - atMs))} ${of < atMs ? 'older' : 'newer'} than the point, and ${toSecondsText(maxSkewMs)} are allowed`,
      ),
      ...members.flatMap((member) => findOlder(member, members)),
    ],
  };
}

const findOlder = ({ dataset, atMs }: MemberMoment, members: readonly MemberMoment[]): string[] =>
  referrersOf(dataset, members)
    .filter((referrer) => referrer.atMs > atMs)
    .map(
      (referrer) =>
        `${dataset} is ${toSecondsText(referrer.atMs - atMs)} older than ${referrer.dataset}, which refers to it and may miss that much`,
    );

export const toSecondsText = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
