import { readCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { readRange } from '#common/bus/records/read-range.js';
import { CoordinateSet } from '#common/domain/coordinate-set.js';
import { findOriginal } from './copies.js';
import type { JournalEntry } from './journal.js';
import type { ReplayPlan } from './plan.js';
import type { ReplayDeps } from './request.js';

/**
 * Originals whose copies already wait at the destination, written by an earlier replay or an earlier attempt of this one: they are not
 * copied again, so two replays of one range leave each original once. Read from the destination itself, which remembers as long as the
 * copies live. Waiting means not yet read by the group that the replay is for: a copy that it read before the restore is as lost as its
 * original, and its original is copied once more. Where that group does not read the destination, every copy counts as waiting.
 */
export async function findWaitingCopies(
  { destinations }: ReplayPlan,
  entries: readonly JournalEntry[],
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<CoordinateSet> {
  const waiting = new CoordinateSet();
  const group = entries[0]?.group ?? null;
  for (const topic of new Set(Object.values(destinations)))
    for (const range of await unreadRanges(topic, group, entries, deps)) await addCopies(range, waiting, deps, signal);
  return waiting;
}

async function addCopies(
  range: Unread,
  waiting: CoordinateSet,
  { bus }: ReplayDeps,
  signal: AbortSignal,
): Promise<void> {
  for await (const { records } of readRange(bus.cluster, range, { signal }))
    for (const original of records.map(findOriginal)) if (original !== undefined) waiting.add(original);
}

interface Unread {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
}

async function unreadRanges(
  topic: string,
  group: string | null,
  entries: readonly JournalEntry[],
  { bus }: ReplayDeps,
): Promise<readonly Unread[]> {
  const [starts, ends] = [await readLogStarts(bus.cluster, topic), await readLogEnds(bus.cluster, topic)];
  const commits = group === null ? new Map() : await readCommitted(bus.cluster, group, topic);
  return [...ends].map(([partition, toOffset]) => {
    // At the origin nothing before the end of the frozen range was a copy that still waits.
    const frozenEnd = entries.find((at) => at.topic === topic && at.partition === partition)?.toOffset;
    const fromOffset: bigint = commits.get(partition)?.offset ?? frozenEnd ?? starts.get(partition) ?? 0n;
    return { topic, partition, fromOffset, toOffset };
  });
}
