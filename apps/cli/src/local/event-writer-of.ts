import { EventWriter } from '#common/service/event-writer.js';
import type { Installation } from '#common/service/installation.js';

/** The command line publishes what it makes true itself through the same outbox as the services. */
export const eventWriterOf = ({ config }: Installation): EventWriter =>
  new EventWriter({ instance: config.instance, topicPrefix: config.bus?.topicPrefix ?? '' });
