import { Facts } from '#common/service/facts.js';
import type { Installation } from '#common/service/installation.js';

/** What the command line itself makes true is told through the same outbox as what services do. */
export const factsOf = ({ config }: Installation): Facts =>
  new Facts({ instance: config.instance, topicPrefix: config.bus?.topicPrefix ?? '' });
