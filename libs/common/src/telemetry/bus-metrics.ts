import { Counter, Gauge, type Registry } from 'prom-client';

/** What is on its way to the bus and from it. */
export const busMetrics = (registers: Registry[]) => ({
  outboxUnpublished: new Gauge({
    name: 'holdfast_outbox_unpublished',
    help: 'Events that are committed and not yet on the bus',
    registers,
  }),
  outboxOldestAgeSeconds: new Gauge({
    name: 'holdfast_outbox_oldest_age_seconds',
    help: 'Age of the oldest event that is not yet on the bus',
    registers,
  }),
  outboxPublished: new Counter({
    name: 'holdfast_outbox_published_total',
    help: 'Events that this process put on the bus',
    labelNames: ['topic'] as const,
    registers,
  }),
  outboxRefused: new Counter({
    name: 'holdfast_outbox_refused_total',
    help: 'Events that the bus refused for good, and that were stepped over',
    labelNames: ['topic', 'code'] as const,
    registers,
  }),
  isRelaying: new Gauge({
    name: 'holdfast_relay_is_holder',
    help: '1 while this process holds the relay lease',
    registers,
  }),
  deadLetters: new Counter({
    name: 'holdfast_dead_letters_total',
    help: 'Records that could not be read and went to the dead-letter topic',
    labelNames: ['topic', 'reason'] as const,
    registers,
  }),
  rejections: new Counter({
    name: 'holdfast_rejections_total',
    help: 'Well-formed requests that were refused',
    labelNames: ['type', 'code'] as const,
    registers,
  }),
  busConnected: new Gauge({
    name: 'holdfast_bus_connected',
    help: '1 while the bus answered the last look and has every topic',
    registers,
  }),
  consumerConnected: new Gauge({
    name: 'holdfast_bus_consumer_connected',
    help: '1 while this process is a member of the consumer group that hears requests',
    registers,
  }),
  consumerPolledTimestampSeconds: new Gauge({
    name: 'holdfast_bus_consumer_polled_timestamp_seconds',
    help: 'When this process last asked the bus for requests; 0 before the first time',
    registers,
  }),
  consumerLag: new Gauge({
    name: 'holdfast_bus_consumer_lag',
    help: 'Requests in the partitions of this process that it has not read yet',
    labelNames: ['topic'] as const,
    registers,
  }),
  topicUnreadable: new Gauge({
    name: 'holdfast_bus_topic_unreadable',
    help: '1 while a request topic is missing or may not be read',
    labelNames: ['topic', 'reason'] as const,
    registers,
  }),
  requestsLost: new Counter({
    name: 'holdfast_requests_lost_total',
    help: 'Offsets of a request topic that were deleted before this process read them',
    labelNames: ['topic'] as const,
    registers,
  }),
  topicsReplaced: new Counter({
    name: 'holdfast_request_topics_replaced_total',
    help: 'Request topics that this process found deleted and made anew',
    labelNames: ['topic'] as const,
    registers,
  }),
});
