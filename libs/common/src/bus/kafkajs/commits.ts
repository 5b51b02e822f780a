import OffsetManager from 'kafkajs/src/consumer/offsetManager/index.js';

/** The id of the topic that a group's consumer of this process reads; undefined when it is not known. */
type IdOf = (topic: string) => string | null | undefined;

const idsOf = new Map<string, IdOf>();
let isMended = false;

/**
 * From now on the offsets that a group's consumer commits carry the id of the topic that they are about: kafkajs has no place for it. An offset alone
 * says nothing about a topic that was deleted and made anew. One consumer per group and process.
 */
export function commitWithTopicIds(groupId: string, idOf: IdOf): void {
  idsOf.set(groupId, idOf);
  if (isMended) return;
  isMended = true;
  const uncommitted = OffsetManager.prototype.uncommittedOffsets;
  OffsetManager.prototype.uncommittedOffsets = function (this: OffsetManager) {
    const { topics } = uncommitted.call(this);
    const noted = topics.map(({ topic, partitions }) => {
      const metadata = idsOf.get(this.groupId)?.(topic) ?? null;
      return { topic, partitions: partitions.map((partition) => ({ ...partition, metadata })) };
    });
    return { topics: noted };
  };
}
