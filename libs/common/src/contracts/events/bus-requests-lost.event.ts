import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { GroupName, Instant, Offset, TopicName } from '#common/contracts/names.js';

/** Kafka deleted requests from a topic before a service read them: their producers get no answer, and have to ask again. */
export const BusRequestsLost = defineEvent({
  type: 'bus.requests-lost',
  version: 1,
  summary: 'Requests were deleted from a topic before a service read them',
  key: (data) => data.topic,
  data: z.object({
    topic: TopicName,
    partition: z.int().min(0),
    fromOffset: Offset.describe('The first offset that the service had not read'),
    toOffset: Offset.describe('The first offset after what is gone. Not every offset need have been a request'),
    group: GroupName.describe('Consumer group of the service'),
    foundAt: Instant,
  }),
});
