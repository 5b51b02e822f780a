import { AppError } from '#common/errors/app-error.js';
import { matchesPattern } from './pattern.js';

const HOUR_MS = 3_600_000;

/** Requests that change a live system are good for an hour after their `time`, or for less if they say so. */
export function decideExpiry(time: string, expiresAt: string | undefined): Date {
  const latest = Date.parse(time) + HOUR_MS;
  return new Date(expiresAt === undefined ? latest : Math.min(latest, Date.parse(expiresAt)));
}

/** Clocks of producers may be ahead by this. */
const AHEAD_MS = 5 * 60_000;

/** A request from the future would stay valid until then, and could be delivered again after it was forgotten. Throws: request.refused. */
export function assertNotFromFuture(what: string, time: string, now: Date): void {
  if (Date.parse(time) - now.getTime() <= AHEAD_MS) return;
  const hint = 'Correct the clock of the producer, then publish a new request.';
  throw new AppError(
    'request.refused',
    `${what} says that it was made at ${time}`,
    { now: now.toISOString() },
    { hint },
  );
}

/** Throws: request.expired. */
export function assertNotExpired(what: string, expiry: Date, now: Date): void {
  if (expiry > now) return;
  throw new AppError('request.expired', `${what} expired at ${expiry.toISOString()}`, { now: now.toISOString() });
}

/** What a target accepts, as configured. */
export interface TargetRules {
  readonly datasets: readonly string[];
  readonly strategies: readonly string[];
  /** Patterns: `shop*`. */
  readonly destinations: readonly string[];
  /** What no request may ever name there: the catalog, the server's own. */
  readonly forbidden: readonly string[];
}

export interface RestoreWish {
  readonly dataset: string;
  readonly target: string;
  readonly strategy: string;
  readonly destination: string;
}

/** Refuses what the target's configuration does not allow. Throws: request.refused naming what is allowed. */
export function assertRestoreAllowed(
  { dataset, target, strategy, destination }: RestoreWish,
  rules: TargetRules,
): void {
  const refuse = (what: string, allowed: readonly string[]): never => {
    throw new AppError('request.refused', `target "${target}" does not accept ${what}`, { accepts: allowed });
  };
  if (!rules.datasets.includes(dataset)) refuse(`dataset "${dataset}"`, rules.datasets);
  if (!rules.strategies.includes(strategy)) refuse(`strategy "${strategy}"`, rules.strategies);
  assertDestinationAllowed({ target, destination }, rules);
}

/** Throws: request.refused naming what is allowed. */
export function assertDestinationAllowed(
  { target, destination }: Pick<RestoreWish, 'target' | 'destination'>,
  { destinations, forbidden }: Pick<TargetRules, 'destinations' | 'forbidden'>,
): void {
  const isAllowed = destinations.some((pattern) => matchesPattern(pattern, destination));
  if (isAllowed && !forbidden.includes(destination)) return;
  const message = `target "${target}" does not accept destination "${destination}"`;
  throw new AppError('request.refused', message, { accepts: destinations });
}

/** What a topic of a dataset accepts, as configured. */
export interface TopicRules {
  readonly name: string;
  /** Absent: any group. */
  readonly groups?: readonly string[] | undefined;
  readonly modes: readonly ('reset' | 'republish')[];
  /** Absent: only the topic itself, which is to be listed like any other. */
  readonly destinations?: readonly string[] | undefined;
}

export interface ReplayWish {
  readonly dataset: string;
  readonly mode: 'reset' | 'republish';
  readonly topics?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly destination?: string | undefined;
  readonly offsets?: readonly { readonly topic: string }[] | undefined;
}

export const acceptsGroup = ({ groups }: TopicRules, group: string): boolean =>
  groups === undefined || groups.includes(group);

export const acceptsCopies = ({ name, destinations = [name] }: TopicRules, destination: string): boolean =>
  destinations.includes(destination);

/**
 * The topics that a replay may touch: those that the request names, by themselves or with offsets, else all of the dataset's.
 * Throws: request.refused naming what is allowed, request.invalid.
 */
export function decideReplayTopics(wish: ReplayWish, rules: readonly TopicRules[]): readonly TopicRules[] {
  const { dataset, mode, groups, destination } = wish;
  const refuse = (what: string, allowed: readonly string[]): never => {
    throw new AppError('request.refused', `dataset "${dataset}" does not accept a replay of ${what}`, {
      accepts: allowed,
    });
  };
  const configured = rules.map(({ name }) => name);
  const names = namedTopics(wish) ?? configured;
  if (names.length === 0) refuse('topics: none are configured', []);
  return names.map((name) => {
    const rule = rules.find((known) => known.name === name);
    if (rule === undefined) return refuse(`topic "${name}"`, configured);
    if (!rule.modes.includes(mode)) refuse(`topic "${name}" by ${mode}`, rule.modes);
    const stranger = groups?.find((group) => !acceptsGroup(rule, group));
    if (stranger !== undefined) refuse(`topic "${name}" for group "${stranger}"`, rule.groups ?? []);
    const to = destination ?? name;
    if (mode === 'republish' && !acceptsCopies(rule, to))
      refuse(`topic "${name}" to "${to}"`, rule.destinations ?? [name]);
    return rule;
  });
}

function namedTopics({ topics, offsets }: ReplayWish): readonly string[] | undefined {
  if (offsets === undefined) return topics;
  const found = [...new Set(offsets.map(({ topic }) => topic))];
  const without = (topics ?? found).find((topic) => !found.includes(topic));
  if (without !== undefined)
    throw new AppError('request.invalid', `a replay of topic "${without}" has no offset for it`, { topic: without });
  return found;
}
