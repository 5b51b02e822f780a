import { createKafka } from '#common/bus/kafka-client.js';
import { findMissingTopics } from '#common/bus/topics/topics.js';
import { openCatalog } from '#common/catalog/catalog.js';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { urlCheck } from '#common/engines/postgres/checks/url-check.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { readDatasetPosition } from '#common/service/bus-positions.js';
import { toKafkaOptions } from '#common/service/open-service.js';
import { silentLogger } from '#common/telemetry/logger.js';
import type { VerbContext } from '../verb.js';

export function catalogCheck({ loaded: { config } }: VerbContext): Check[] {
  const { catalog } = config;
  if (catalog === undefined) return [];
  return [
    ...urlCheck('catalog', parsePgUrl(catalog.url)),
    {
      name: 'catalog: connection',
      run: async () => {
        const opened = await openCatalog({ ...catalog, applicationName: 'holdfast check' });
        try {
          return `answers, its clock says ${(await opened.transaction((tx) => tx.now())).toISOString()}`;
        } finally {
          await opened.close();
        }
      },
    },
  ];
}

export function busChecks({ installation, signal }: VerbContext): Check[] {
  const { bus, datasets } = installation.config;
  if (bus === undefined) return [];
  const kafka = createKafka({ ...toKafkaOptions(bus), clientId: 'holdfast-check', logger: silentLogger, retries: 1 });
  const topics: Check = {
    name: 'bus: topics',
    run: async () => {
      const missing = await findMissingTopics(kafka, bus.topicPrefix);
      if (missing.length === 0) return 'all topics exist';
      throw new CheckWarning(
        `${missing.length} topics are missing, among them ${missing[0] ?? 'none'}; services create them when allowed`,
      );
    },
  };
  const positions = Object.keys(datasets).map(
    (name): Check => ({
      name: `dataset ${name}: position on the bus`,
      needs: [topics.name],
      run: async () => {
        const position = await readDatasetPosition(installation, kafka, name, signal);
        if (position === undefined) return 'no topics are configured';
        if (position.state === 'unproven') throw new CheckWarning(`unproven: ${position.reason ?? 'no reason given'}`);
        return `proven over ${position.partitions.length} partitions`;
      },
    }),
  );
  return [topics, ...positions];
}
