import { measureAgreement } from './agreement.js';
import { inOrder, type OrderedMember, referrersOf } from './member-order.js';

/** From one instant to another, in milliseconds, every moment can be recovered. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a dataset can be brought back to. */
export interface Candidate extends OrderedMember {
  /** Instants of backups that come back alone, in milliseconds, in any order. */
  readonly moments: readonly number[];
  readonly spans: readonly Span[];
}

/** One instant for each member, by dataset. */
export interface ChosenMoments {
  readonly atMs: number;
  readonly byDataset: ReadonlyMap<string, number>;
}

export interface Choice {
  /** Undefined: the wanted moment cannot be met. */
  readonly chosen: ChosenMoments | undefined;
  /** The newest possible point that is not later than wanted, and the oldest that is. */
  readonly before: ChosenMoments | undefined;
  readonly after: ChosenMoments | undefined;
}

/**
 * The point that brings the datasets to the wanted moment: the newest that is not later, if it is at most `maxSkewMs` older. In a point all
 * members lie within `maxSkewMs` of its instant, no member is older than one that refers to it, and one that no other refers to is not newer
 * than the instant. `wantedMs` undefined: the newest point that there is, however old.
 */
export function chooseMembers(
  candidates: readonly Candidate[],
  { wantedMs, maxSkewMs }: { readonly wantedMs: number | undefined; readonly maxSkewMs: number },
): Choice {
  const ordered = inOrder(candidates);
  if (ordered === undefined || ordered.length === 0) return { chosen: undefined, before: undefined, after: undefined };
  const wanted = wantedMs ?? Number.POSITIVE_INFINITY;
  const instants = findInstants(ordered, maxSkewMs, wantedMs);
  const at = (instant: number) => assemble(ordered, instant, maxSkewMs);
  const before = firstOf(instants.filter((instant) => instant <= wanted).reverse(), at);
  const after = firstOf(
    instants.filter((instant) => instant > wanted),
    at,
  );
  const isMet = before !== undefined && (wantedMs === undefined || wantedMs - before.atMs <= maxSkewMs);
  return { chosen: isMet ? before : undefined, before, after };
}

function firstOf<T>(instants: readonly number[], at: (instant: number) => T | undefined): T | undefined {
  for (const instant of instants) {
    const found = at(instant);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Oldest first. Where a point comes to be possible or ends to be: at what members have, and a skew before and after it. */
function findInstants(candidates: readonly Candidate[], skew: number, wantedMs: number | undefined): number[] {
  const edges = candidates.flatMap(({ moments, spans }) => [
    ...moments,
    ...spans.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
  ]);
  const all = edges.flatMap((edge) => [edge - skew, edge, edge + skew]);
  return [...new Set(wantedMs === undefined ? all : [...all, wantedMs])].sort((a, b) => a - b);
}

/** A point of exactly this instant; undefined: there is none. One member that no other refers to is of the instant itself. */
function assemble(ordered: readonly Candidate[], atMs: number, skew: number): ChosenMoments | undefined {
  const roots = ordered.filter(({ dataset }) => referrersOf(dataset, ordered).length === 0);
  for (const pinned of roots.filter((root) => findFirst(root, atMs, atMs) !== undefined)) {
    const oldest = fillUp(ordered, { pinned, atMs, skew });
    if (oldest === undefined) continue;
    const byDataset = drawNearer(ordered, oldest, { pinned, atMs, skew });
    const members = ordered.map((each) => ({ ...each, atMs: byDataset.get(each.dataset) as number }));
    if (measureAgreement(members, skew).problems.length === 0) return { atMs, byDataset };
  }
  return undefined;
}

interface Frame {
  readonly pinned: Candidate;
  readonly atMs: number;
  readonly skew: number;
}

/** The oldest moment that each may have: if that does not fit, nothing does, for only referrers push what they refer to. */
function fillUp(ordered: readonly Candidate[], { pinned, atMs, skew }: Frame): Map<string, number> | undefined {
  const chosen = new Map<string, number>();
  for (const each of ordered) {
    const lower = Math.max(
      atMs - skew,
      ...referrersOf(each.dataset, ordered).map(({ dataset }) => chosen.get(dataset) ?? atMs),
    );
    const isRoot = referrersOf(each.dataset, ordered).length === 0;
    const found = each === pinned ? atMs : findFirst(each, lower, isRoot ? atMs : atMs + skew);
    if (found === undefined) return undefined;
    chosen.set(each.dataset, found);
  }
  return chosen;
}

/** From the last to the first: as near to the instant as what each refers to allows, rather newer than older. */
function drawNearer(
  ordered: readonly Candidate[],
  oldest: ReadonlyMap<string, number>,
  { pinned, atMs, skew }: Frame,
): Map<string, number> {
  const chosen = new Map(oldest);
  for (const each of ordered.toReversed()) {
    if (each === pinned) continue;
    const referrers = referrersOf(each.dataset, ordered);
    const lower = chosen.get(each.dataset) as number;
    const cap = referrers.length === 0 ? atMs : atMs + skew;
    const upper = Math.min(cap, ...each.refersTo.map((dataset) => chosen.get(dataset) ?? cap));
    const newer = findFirst(each, Math.max(atMs, lower), upper);
    chosen.set(each.dataset, newer ?? findLast(each, lower, Math.min(atMs, upper)) ?? lower);
  }
  return chosen;
}

function findFirst({ moments, spans }: Candidate, fromMs: number, toMs: number): number | undefined {
  const found = [
    ...moments.filter((moment) => fromMs <= moment && moment <= toMs),
    ...spans.filter((span) => span.fromMs <= toMs && fromMs <= span.toMs).map((span) => Math.max(fromMs, span.fromMs)),
  ];
  return found.length === 0 ? undefined : Math.min(...found);
}

function findLast({ moments, spans }: Candidate, fromMs: number, toMs: number): number | undefined {
  const found = [
    ...moments.filter((moment) => fromMs <= moment && moment <= toMs),
    ...spans.filter((span) => span.fromMs <= toMs && fromMs <= span.toMs).map((span) => Math.min(toMs, span.toMs)),
  ];
  return found.length === 0 ? undefined : Math.max(...found);
}
