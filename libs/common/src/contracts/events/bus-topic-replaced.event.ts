import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { GroupName, Instant, TopicName, Uuid } from '#common/contracts/names.js';

/** A request topic was deleted and made anew. The service reads the new one from its start; what it had not read of the old one is gone. */
export const BusTopicReplaced = defineEvent({
  type: 'bus.topic-replaced',
  version: 1,
  summary: 'A request topic was deleted and made anew, and is read from its start',
  key: (data) => data.topic,
  data: z.object({
    topic: TopicName,
    formerId: Uuid.nullable().describe('null: the broker told no id'),
    id: Uuid.nullable().describe('null: the broker tells no id'),
    group: GroupName.describe('Consumer group of the service'),
    foundAt: Instant,
  }),
});
