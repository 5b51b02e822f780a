import { Facts } from '#common/service/facts.js';
import type { Installation } from '#common/service/installation.js';

/** The command line publishes what it makes true itself through the same outbox as the services. */
export const factsOf = ({ config }: Installation): Facts =>
  new Facts({ instance: config.instance, topicPrefix: config.bus?.topicPrefix ?? '' });
