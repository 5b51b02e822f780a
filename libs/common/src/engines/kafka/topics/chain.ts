import type { PartitionFacts, TopicFacts, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import type { Frozen, FrozenGroup, FrozenPartition, FrozenTopic } from './freeze-topics.js';

/** The backup that an increment continues, as it is restored: with all that it builds on. */
export interface Parent {
  readonly backupId: string;
  readonly facts: TopicsFacts;
}

/**
 * From where on each partition is read: behind what the parent has of it. A topic that was made anew, and a partition that was added, is read
 * from its beginning. Throws: kafka.no-parent where the topics cannot be those of the parent.
 */
export function continueFrom(frozen: Frozen, { backupId, facts }: Parent): Frozen {
  if (facts.clusterId !== frozen.clusterId)
    throw toNoParent(`backup ${backupId} is of cluster ${facts.clusterId}, and this one is ${frozen.clusterId}`);
  const topics = frozen.topics.map((topic) => {
    const before = findTopic(facts, topic);
    const partitions = topic.partitions.map((each) => continuePartition(topic.name, each, findPartition(before, each)));
    return { ...topic, partitions };
  });
  return { ...frozen, topics };
}

function continuePartition(
  topic: string,
  frozen: FrozenPartition,
  before: PartitionFacts | undefined,
): FrozenPartition {
  if (before === undefined) return frozen;
  const known = BigInt(before.endOffset);
  if (frozen.endOffset < known)
    throw toNoParent(`${topic}/${frozen.partition} ends at ${frozen.endOffset}, and the backup before at ${known}`);
  return frozen.startOffset > known ? frozen : { ...frozen, startOffset: known, isContinued: true };
}

const toNoParent = (said: string): AppError => new AppError('kafka.no-parent', said);

/** An id tells a topic from a later one of its name; a broker that says none is trusted. */
const findTopic = ({ topics }: TopicsFacts, { name, id }: Pick<FrozenTopic, 'name' | 'id'>): TopicFacts | undefined =>
  topics.find((each) => each.name === name && (each.id === id || each.id === null || id === null));

const findPartition = (topic: TopicFacts | undefined, { partition }: { readonly partition: number }) =>
  topic?.partitions.find((each) => each.partition === partition);

/** What the parent has, and behind it what the increment has: a restore reads the objects of both. */
export function mergeTopic(own: TopicFacts, { backupId, facts }: Parent): TopicFacts {
  const before = findTopic(facts, own);
  if (before === undefined) return own;
  const partitions = own.partitions.map((each) => mergePartition(findPartition(before, each), each, backupId));
  return { ...own, partitions };
}

function mergePartition(before: PartitionFacts | undefined, own: PartitionFacts, backupId: string): PartitionFacts {
  if (before === undefined) return own;
  const sum = (of: (facts: PartitionFacts) => number): number => of(before) + of(own);
  const expired = BigInt(own.startOffset) - BigInt(before.endOffset);
  return {
    ...{
      partition: own.partition,
      startOffset: before.startOffset,
      endOffset: own.endOffset,
      undecided: own.undecided,
    },
    ...{ records: sum(({ records }) => records), markers: sum(({ markers }) => markers) },
    ...{ aborted: sum(({ aborted }) => aborted), holes: sum(({ holes }) => holes) },
    trimmed: sum(({ trimmed }) => trimmed) + Number(expired),
    sizeBytes: sum(({ sizeBytes }) => sizeBytes),
    largestBatchBytes: Math.max(before.largestBatchBytes, own.largestBatchBytes),
    sha256: own.sha256,
    links: [...linksOf(before), { records: own.records, sha256: own.sha256 }],
    firstTimestamp: least(before.firstTimestamp, own.firstTimestamp),
    lastTimestamp: greatest(before.lastTimestamp, own.lastTimestamp),
    pieces: [...before.pieces.map((piece) => ({ backup: backupId, ...piece })), ...own.pieces],
  };
}

/** What each backup of a chain holds of a partition, in order. */
const linksOf = ({ links, records, sha256 }: PartitionFacts): readonly { records: number; sha256: string }[] =>
  links ?? [{ records, sha256 }];

const least = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);
const greatest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

interface GroupDeps {
  readonly parent: Parent;
  /** Of the increment alone. */
  readonly recordsBefore: (topic: string, partition: number, offset: bigint) => number;
  readonly topics: readonly FrozenTopic[];
}

/** Where the groups stand in what the whole chain holds. */
export const mergeGroups = (groups: readonly FrozenGroup[], d: GroupDeps): TopicsFacts['groups'] =>
  groups.map(({ name, commits }) => ({
    name,
    offsets: commits.map(({ topic, partition, offset, metadata }) => ({
      ...{ topic, partition, offset: String(offset), metadata },
      recordsBefore: countBefore({ topic, partition, offset }, d),
    })),
  }));

interface CommitPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

function countBefore(place: CommitPlace, d: GroupDeps): number {
  const { topic, partition, offset } = place;
  const own = d.topics.find(({ name }) => name === topic);
  const before = own && findPartition(findTopic(d.parent.facts, own), { partition });
  const inOwn = d.recordsBefore(topic, partition, offset);
  if (before === undefined) return inOwn;
  return offset >= BigInt(before.endOffset) ? before.records + inOwn : countInParent(place, before, d.parent);
}

/**
 * Of a group that lags behind the parent. Where a record is at each offset of the parent, the offset says how many stand before it. Elsewhere the group stands
 * where the parent knows a place before, and reads a little again: no record is missed.
 */
function countInParent(place: CommitPlace, before: PartitionFacts, { facts }: Parent): number {
  const known = knownBefore(place, before, facts);
  const isWhole = before.holes + before.trimmed + before.markers + before.aborted === 0;
  return isWhole ? Math.max(known, Number(place.offset - BigInt(before.startOffset))) : known;
}

/** How many records stand before the nearest place at or before an offset of which the parent knows that. */
function knownBefore(
  { topic, partition, offset }: CommitPlace,
  { pieces }: PartitionFacts,
  { groups }: TopicsFacts,
): number {
  const marks = groups.flatMap(({ offsets }) =>
    offsets
      .filter((each) => each.topic === topic && each.partition === partition)
      .map((each) => ({ offset: BigInt(each.offset), records: each.recordsBefore })),
  );
  let records = 0;
  for (const { fromOffset, records: inPiece } of pieces) {
    marks.push({ offset: BigInt(fromOffset), records });
    records += inPiece;
  }
  const below = marks.filter((mark) => mark.offset <= offset);
  return below.reduce((best, mark) => (mark.offset > best.offset ? mark : best), { offset: -1n, records: 0 }).records;
}
