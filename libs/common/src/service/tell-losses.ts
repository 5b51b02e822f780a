import type { LostRequests, ReplacedTopic, RequestLosses } from '#common/bus/consumer/request-losses.js';
import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import { BusRequestsLost } from '#common/contracts/events/bus-requests-lost.event.js';
import { BusTopicReplaced } from '#common/contracts/events/bus-topic-replaced.event.js';
import { toUuidV5 } from '#common/domain/ids.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';
import type { EventWriter } from './event-writer.js';

export interface TellLossesDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'requestsLost' | 'topicsReplaced'>;
  /** The consumer group. */
  readonly group: string;
}

/** Reports what a consumer finds gone, once: as an event, then in the log and as a metric. The next try reports what this one could not write. */
export const tellLosses = ({ catalog, events, logger, metrics, group }: TellLossesDeps): RequestLosses => {
  const write = (tell: (tx: CatalogTx, foundAt: string) => Promise<unknown>): Promise<unknown> =>
    catalog.transaction(async (tx) => tell(tx, (await tx.now()).toISOString()));
  return {
    lost: async ({ topic, partition, ...range }: LostRequests): Promise<void> => {
      const [fromOffset, toOffset] = [range.fromOffset.toString(), range.toOffset.toString()];
      const loss = { topic, partition, fromOffset, toOffset, group };
      const id = toUuidV5('requests-lost', group, topic, String(partition), fromOffset, toOffset);
      await write((tx, foundAt) => events.write(tx, BusRequestsLost, { ...loss, foundAt }, { id }));
      metrics.requestsLost.inc({ topic }, Number(range.toOffset - range.fromOffset));
      logger.error(loss, 'requests lost: the topic was trimmed before they were read');
    },

    replaced: async ({ topic, formerId, id }: ReplacedTopic): Promise<void> => {
      const change = { topic, formerId, id, group };
      const eventId = toUuidV5('topic-replaced', group, topic, formerId ?? '', id ?? '');
      await write((tx, foundAt) => events.write(tx, BusTopicReplaced, { ...change, foundAt }, { id: eventId }));
      metrics.topicsReplaced.inc({ topic });
      logger.error(change, 'request topic was deleted and made anew: it is read from its start');
    },
  };
};
