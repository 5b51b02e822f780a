import { commitForStoppedGroup, describeGroup, groupActive, readCommitted } from '#common/bus/kafka-groups.js';
import { readLogStarts } from '#common/bus/kafka-log.js';
import { readRange } from '#common/bus/records/read-range.js';
import { CoordinateSet } from '#common/domain/coordinate-set.js';
import { addTally, emptyTally } from '#common/domain/replay-tally.js';
import { AppError } from '#common/errors/app-error.js';
import { pickOriginals } from './copies.js';
import { freeze, type JournalEntry, journalGroup, readJournal, toCommit } from './journal.js';
import type { PlannedPartition } from './plan.js';
import type { ReplayDeps } from './request.js';

/**
 * Moves one stopped group back to where its ranges begin, reads back that it stands there, and counts what it will read again.
 * Order: the range is frozen in the journal, then the offsets are moved, then the journal says so; a run that died in between does the
 * rest, and one that had finished moves nothing again. Commits of offsets know no fence: one that froze asks, right before each of
 * them, whether the replay is still its own, and only what is on the wire by then cannot be taken back.
 * Throws: replay.group-active, replay.offsets-not-moved, bus.unavailable; what `assertHeld` throws; the signal's reason.
 */
export async function resetGroup(
  replayId: string,
  planned: readonly PlannedPartition[],
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<readonly JournalEntry[]> {
  const group = planned[0]?.group;
  if (group === undefined || group === null) throw new AppError('replay.group-required', 'a reset needs a group');
  const known = await readJournal(deps.bus.cluster, replayId, planned);
  const entries = known.length > 0 ? known : await freezeAll(replayId, group, planned, { ...deps, signal });
  if (!entries.every(({ isMoved }) => isMoved)) {
    await moveBack(group, entries, { ...deps, signal });
    await write(
      replayId,
      group,
      entries.map((entry) => ({ ...entry, isMoved: true })),
      deps,
    );
  }
  return countAll(entries, deps, signal);
}

interface MovingDeps extends ReplayDeps {
  readonly signal: AbortSignal;
}

async function freezeAll(
  replayId: string,
  group: string,
  planned: readonly PlannedPartition[],
  deps: MovingDeps,
): Promise<readonly JournalEntry[]> {
  const { members } = await describeGroup(deps.bus.cluster, group);
  if (members > 0) throw groupActive(group, members);
  const entries = planned.map(freeze);
  await assertOurs(deps);
  await write(replayId, group, entries, deps);
  return entries;
}

const write = (replayId: string, group: string, entries: readonly JournalEntry[], { bus }: ReplayDeps): Promise<void> =>
  commitForStoppedGroup(bus.cluster, journalGroup(replayId, group), entries.map(toCommit));

async function assertOurs({ assertHeld, signal }: MovingDeps): Promise<void> {
  signal.throwIfAborted();
  await assertHeld?.();
}

/** Never to an offset that is gone: clients answer that with a silent jump, to the end for some. */
async function moveBack(group: string, entries: readonly JournalEntry[], deps: MovingDeps): Promise<void> {
  const { bus } = deps;
  const moving = entries.filter(({ fromOffset, toOffset }) => fromOffset < toOffset);
  if (moving.length === 0) return;
  const topics = [...new Set(moving.map(({ topic }) => topic))];
  const starts = new Map(
    await Promise.all(topics.map(async (topic) => [topic, await readLogStarts(bus.cluster, topic)] as const)),
  );
  const commits = moving.map(({ topic, partition, fromOffset }) => {
    const start = starts.get(topic)?.get(partition) ?? 0n;
    return { topic, partition, offset: start > fromOffset ? start : fromOffset, metadata: null };
  });
  await assertOurs(deps);
  await commitForStoppedGroup(bus.cluster, group, commits);
  for (const topic of topics) {
    const found = await readCommitted(bus.cluster, group, topic);
    const wrong = commits.find((at) => at.topic === topic && found.get(at.partition)?.offset !== at.offset);
    if (wrong !== undefined)
      throw new AppError(
        'replay.offsets-not-moved',
        `group ${group} does not stand at ${topic}/${wrong.partition}/${wrong.offset}`,
        {
          group,
          topic,
          partition: wrong.partition,
        },
      );
  }
}

async function countAll(
  entries: readonly JournalEntry[],
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<readonly JournalEntry[]> {
  const picking = { seen: new CoordinateSet(), ranges: entries };
  const totalOffsets = entries.reduce((sum, { fromOffset, toOffset }) => sum + toOffset - fromOffset, 0n);
  let handledOffsets = 0n;
  const counted: JournalEntry[] = [];
  for (const entry of entries) {
    let tally = emptyTally;
    for await (const slice of readRange(deps.bus.cluster, entry, { signal })) {
      tally = addTally(tally, pickOriginals(slice, entry, picking).tally);
      handledOffsets += slice.nextOffset - slice.fromOffset;
      deps.onProgress?.({ handledOffsets, totalOffsets });
    }
    counted.push({ ...entry, tally });
  }
  return counted;
}
