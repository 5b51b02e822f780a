import { setTimeout as sleep } from 'node:timers/promises';
import { describeGroup, groupActive } from '#common/bus/kafka-groups.js';
import type { LogSlice } from '#common/bus/records/log-slice.js';
import { readRange } from '#common/bus/records/read-range.js';
import type { CopiedRecord, ReplayProducer } from '#common/bus/replay/replay-producer.js';
import type { CoordinateSet } from '#common/domain/coordinate-set.js';
import { addTally } from '#common/domain/replay-tally.js';
import { copyHeaders, copyTimestamp, pickOriginals, type Wanted } from './copies.js';
import { freeze, type JournalEntry, journalGroup, readJournal, toCommit } from './journal.js';
import { findWaitingCopies } from './pending.js';
import type { PlannedPartition, ReplayPlan } from './plan.js';
import { findOtherReaders, findUnaccepted } from './refusals.js';
import type { ReplayDeps } from './request.js';

/** A transaction each: small enough to be one batch everywhere, large enough that its round trips do not count. */
const LIMITS = { maxRecords: 1_000, maxBytes: 512 * 1024 } as const;

/**
 * Copies the frozen ranges to their destinations, in order per partition, each original once, together with the cursor in one
 * transaction: killed anywhere, the same replay goes on where it stopped and copies nothing twice.
 * Throws: replay.group-active, replay.readers-not-accepted, bus.unavailable.
 */
export async function republish(
  plan: ReplayPlan,
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<readonly JournalEntry[]> {
  // Opening ends what an earlier attempt left open, so the journal read next is the truth.
  const producer = await deps.bus.openProducer(plan.replayId);
  try {
    const known = await readJournal(deps.bus.cluster, plan.replayId, plan.partitions);
    const entries = known.length > 0 ? known : await freezeAll(plan, producer, deps);
    return await copyAll(plan, entries, { ...deps, producer }, signal);
  } finally {
    await producer.close();
  }
}

async function freezeAll(
  plan: ReplayPlan,
  producer: ReplayProducer,
  deps: ReplayDeps,
): Promise<readonly JournalEntry[]> {
  const groups = [...new Set(plan.partitions.map(({ group }) => group))];
  for (const group of groups.filter((name) => name !== null)) {
    const { members } = await describeGroup(deps.bus.cluster, group);
    if (members > 0) throw groupActive(group, members);
  }
  const readers = await findOtherReaders(Object.values(plan.destinations), groups, deps);
  for (const refusal of findUnaccepted(readers, plan.acceptReaders)) throw refusal;
  const entries = plan.partitions.map(freeze);
  await writeCopies(plan, entries, [], producer);
  return entries;
}

interface CopyDeps extends ReplayDeps {
  readonly producer: ReplayProducer;
}

async function copyAll(
  plan: ReplayPlan,
  entries: readonly JournalEntry[],
  deps: CopyDeps,
  signal: AbortSignal,
): Promise<readonly JournalEntry[]> {
  if (entries.every(({ cursor, toOffset }) => cursor === toOffset)) return entries;
  const seen = await findWaitingCopies(plan, entries, deps, signal);
  const progress = toProgress(entries, deps);
  const done: JournalEntry[] = [];
  for (const entry of entries)
    done.push(await copyPartition(entry, { plan, ranges: entries, seen, progress }, deps, signal));
  return done;
}

interface Copying {
  readonly plan: ReplayPlan;
  readonly ranges: readonly JournalEntry[];
  readonly seen: CoordinateSet;
  readonly progress: (slice: LogSlice) => void;
}

async function copyPartition(
  entry: JournalEntry,
  copying: Copying,
  deps: CopyDeps,
  signal: AbortSignal,
): Promise<JournalEntry> {
  const { plan, seen, ranges, progress } = copying;
  const toCopies = await prepareCopies(plan, entry, deps);
  const perSecond = plan.recordsPerSecond ?? Number.POSITIVE_INFINITY;
  const limits = { ...LIMITS, maxRecords: Math.min(LIMITS.maxRecords, Math.ceil(perSecond / 2)) };
  let current = entry;
  for await (const slice of readRange(deps.bus.cluster, { ...entry, fromOffset: entry.cursor }, { signal, limits })) {
    const { wanted, tally } = pickOriginals(slice, entry, { seen, ranges });
    current = { ...current, cursor: slice.nextOffset, tally: addTally(current.tally, tally) };
    await writeCopies(plan, [current], toCopies(wanted), deps.producer);
    progress(slice);
    if (Number.isFinite(perSecond)) await sleep((wanted.length / perSecond) * 1_000, undefined, { signal });
  }
  return current;
}

function toProgress(entries: readonly JournalEntry[], { onProgress }: ReplayDeps): (slice: LogSlice) => void {
  const totalOffsets = entries.reduce((sum, { fromOffset, toOffset }) => sum + toOffset - fromOffset, 0n);
  let handledOffsets = entries.reduce((sum, { fromOffset, cursor }) => sum + cursor - fromOffset, 0n);
  return ({ fromOffset, nextOffset }) => {
    handledOffsets += nextOffset - fromOffset;
    onProgress?.({ handledOffsets, totalOffsets });
  };
}

/** The same partition where the destination has it; else always the same other one, so that order per partition holds. */
async function prepareCopies(
  { destinations, replayId }: ReplayPlan,
  { topic, partition }: PlannedPartition | JournalEntry,
  { bus, now }: ReplayDeps,
): Promise<(wanted: readonly Wanted[]) => readonly CopiedRecord[]> {
  const destination = destinations[topic] ?? topic;
  const count = (await bus.cluster.partitionsOf(destination)).length;
  const retentionMs = await bus.readRetentionMs(destination);
  return (wanted) => {
    const instant = now();
    // A tenth of the retention, or an hour, is left for the reader.
    const margin = Math.min(3_600_000, (retentionMs ?? 0) / 10);
    const oldestKept = retentionMs === null ? null : BigInt(Math.ceil(instant.getTime() - retentionMs + margin));
    return wanted.map((each) => {
      const { timestamp, headers } = copyTimestamp(each.record, oldestKept, instant);
      const { key, value } = each.record;
      return {
        partition: partition % count,
        key,
        value,
        timestamp,
        headers: { ...copyHeaders(each, replayId), ...headers },
      };
    });
  };
}

async function writeCopies(
  { replayId, destinations }: ReplayPlan,
  entries: readonly JournalEntry[],
  records: readonly CopiedRecord[],
  producer: ReplayProducer,
): Promise<void> {
  const [first] = entries;
  if (first === undefined) return;
  const topic = destinations[first.topic] ?? first.topic;
  await producer.write({
    topic,
    records,
    cursorGroup: journalGroup(replayId, first.group),
    cursor: entries.map(toCommit),
  });
}
