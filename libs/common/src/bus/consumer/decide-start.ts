/** What is known of one partition when a consumer is given it. */
export interface PartitionFacts {
  /** Next offset of the group, with the id of the topic that it was committed for; undefined: never committed. */
  readonly committed: { readonly offset: bigint; readonly topicId: string | null } | undefined;
  /** Null: the broker does not tell. */
  readonly topicId: string | null;
  readonly logStart: bigint;
  readonly logEnd: bigint;
}

export interface Start {
  readonly offset: bigint;
  /** The commit is about another topic of this name, with this id; null where only the offset shows it. */
  readonly replaced?: { readonly formerId: string | null };
  /** Deleted before the group read them. The last is not one of them. */
  readonly lost?: { readonly fromOffset: bigint; readonly toOffset: bigint };
}

/** Where the group goes on, such that it leaves nothing out that is there, and what the consumer has to report. */
export function decideStart({ committed, topicId, logStart, logEnd }: PartitionFacts): Start {
  if (committed === undefined) return { offset: logStart };
  const isOfAnother = committed.topicId !== null && topicId !== null && committed.topicId !== topicId;
  if (isOfAnother || committed.offset > logEnd) return { offset: logStart, replaced: { formerId: committed.topicId } };
  if (committed.offset >= logStart) return { offset: committed.offset };
  return { offset: logStart, lost: { fromOffset: committed.offset, toOffset: logStart } };
}
