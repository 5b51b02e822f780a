import { describeGroup, readCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { findFirstRecord, findLastRecord } from '#common/bus/records/find-record.js';
import { decideRange, type ReplayRange, recordsAtMost } from '#common/domain/replay-range.js';
import { toProblem } from '#common/errors/app-error.js';
import type { PlannedGroup, PlannedPartition, ReplayPlan } from './plan.js';
import {
  findActive,
  findChanged,
  findForbidden,
  findGroupRefusals,
  findOtherReaders,
  findUnaccepted,
} from './refusals.js';
import type { ReplayAsk, ReplayDeps } from './request.js';
import { resolveStart, type StartingPoint } from './start.js';

/** Seen on two cores: a reset only reads and counts, a republish writes in transactions. */
const TYPICAL_RECORDS_PER_SECOND = { reset: 100_000, republish: 20_000 } as const;

/**
 * Looks at the bus and says, per partition and group, what a replay would do, how far it reaches back, what is gone, and every reason
 * to refuse it. Changes nothing; run it with `runReplay`.
 * Throws: replay.position-missing, bus.topic-missing, bus.unavailable.
 */
export async function planReplay(ask: ReplayAsk, deps: ReplayDeps, signal: AbortSignal): Promise<ReplayPlan> {
  const { points, doubt } = await resolveStart(ask, deps.bus.cluster);
  const topics = [...new Set(points.map(({ topic }) => topic))];
  const names = [...new Set(points.map(({ group }) => group))];
  const destinations = destinationsOf(ask, topics);
  const groups = await Promise.all(
    names.filter((name) => name !== null).map((name) => describeGroup(deps.bus.cluster, name)),
  );
  const otherReaders = await findOtherReaders(Object.values(destinations), names, deps);
  const partitions = await planPartitions(points, deps, signal);
  const refusals = [
    ...topics.flatMap((topic) => findForbidden(ask.mode, { topic, groups: names, destination: ask.destination }, deps)),
    ...findGroupRefusals(ask.mode, names),
    ...(await findChanged(ask, topics, deps, signal)),
    ...findActive(groups),
    ...findUnaccepted(otherReaders, ask.acceptReaders),
  ];
  return {
    replayId: ask.replayId,
    mode: ask.mode,
    destinations,
    recordsPerSecond: ask.recordsPerSecond ?? null,
    acceptReaders: ask.acceptReaders ?? [],
    doubt,
    partitions,
    groups: groups.map(({ name, state, members }): PlannedGroup => ({ name, state, members })),
    otherReaders,
    estimatedSeconds: estimate(ask, partitions),
    refusals: refusals.map(toProblem),
  };
}

function destinationsOf({ mode, destination }: ReplayAsk, topics: readonly string[]): Record<string, string> {
  if (mode === 'reset') return {};
  return Object.fromEntries(topics.map((topic) => [topic, destination ?? topic]));
}

async function planPartitions(
  points: readonly StartingPoint[],
  deps: ReplayDeps,
  signal: AbortSignal,
): Promise<readonly PlannedPartition[]> {
  const byTopic = [...Map.groupBy(points, ({ topic }) => topic)];
  const planned = byTopic.map(async ([topic, of]) => {
    const [starts, ends] = [await readLogStarts(deps.bus.cluster, topic), await readLogEnds(deps.bus.cluster, topic)];
    const names = [...new Set(of.map(({ group }) => group))].filter((group) => group !== null);
    const commits = new Map(
      await Promise.all(names.map(async (name) => [name, await readCommitted(deps.bus.cluster, name, topic)] as const)),
    );
    return Promise.all(
      of.map((point) => {
        const committed = point.group === null ? undefined : commits.get(point.group)?.get(point.partition);
        const logStart = starts.get(point.partition) ?? 0n;
        const logEnd = ends.get(point.partition) ?? 0n;
        const range = decideRange({ position: point.offset, committed: committed?.offset ?? null, logStart, logEnd });
        return planPartition(point, range, deps, signal);
      }),
    );
  });
  return (await Promise.all(planned)).flat();
}

async function planPartition(
  { topic, partition, group }: StartingPoint,
  range: ReplayRange,
  { bus }: ReplayDeps,
  signal: AbortSignal,
): Promise<PlannedPartition> {
  const span = { topic, partition, fromOffset: range.gap?.toOffset ?? range.fromOffset, toOffset: range.toOffset };
  const first = await findFirstRecord(bus.cluster, span, signal);
  const last = await findLastRecord(bus.cluster, span, signal);
  return {
    topic,
    partition,
    group,
    fromOffset: String(range.fromOffset),
    toOffset: String(range.toOffset),
    gap: range.gap && {
      fromOffset: String(range.gap.fromOffset),
      toOffset: String(range.gap.toOffset),
      recordsAtMost: String(range.gap.toOffset - range.gap.fromOffset),
    },
    recordsAtMost: String(recordsAtMost(range)),
    firstRecordAt: instantOf(first?.timestamp),
    lastRecordAt: instantOf(last?.timestamp),
  };
}

const instantOf = (timestamp: bigint | undefined): string | null =>
  timestamp === undefined || timestamp < 0n ? null : new Date(Number(timestamp)).toISOString();

function estimate({ mode, recordsPerSecond }: ReplayAsk, partitions: readonly PlannedPartition[]): number {
  const records = partitions.reduce((sum, each) => sum + Number(each.recordsAtMost), 0);
  const limit = mode === 'republish' ? (recordsPerSecond ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return Math.ceil(records / Math.min(limit, TYPICAL_RECORDS_PER_SECOND[mode]));
}
