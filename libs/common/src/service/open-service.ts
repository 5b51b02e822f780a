import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsumerState } from '#common/bus/consumer/consumer-state.js';
import { createDeadLetterBox, type DeadLetterBox } from '#common/bus/dead-letter.js';
import { type BusClient, createKafka } from '#common/bus/kafka-client.js';
import { BusPublisher } from '#common/bus/producer.js';
import { type Catalog, openCatalog } from '#common/catalog/catalog.js';
import { configFile, loadConfig } from '#common/config/load-config.js';
import { toBackoffMs } from '#common/domain/backoff.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { createLogger, type Logger } from '#common/telemetry/logger.js';
import { createMetrics, type Metrics } from '#common/telemetry/metrics.js';
import { type BusWatch, watchBus } from './bus-watch.js';
import { EventWriter } from './event-writer.js';
import { Installation } from './installation.js';
import { ShutdownList } from './shutdown.js';

export type ServiceName = 'scheduler' | 'executor' | 'verifier';

/** What all three services are made of: opened in this order, closed in the reverse. */
export interface Service {
  readonly name: ServiceName;
  /** One process, not one machine. */
  readonly owner: string;
  readonly installation: Installation;
  readonly configFile: string;
  readonly catalog: Catalog;
  /** Values that must never be printed or published. */
  readonly secrets: readonly string[];
  readonly kafka: BusClient;
  readonly publisher: BusPublisher;
  readonly deadLetters: DeadLetterBox;
  readonly events: EventWriter;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly shutdown: ShutdownList;
  readonly topicPrefix: string;
  /** What it hears of requests; a scheduler takes none from the bus. */
  readonly intake: ConsumerState | undefined;
  readonly bus: BusWatch;
  /** Requests that waited longer than this for the bus are taken from the outbox. */
  readonly directAfterMs: number;
}

const BACKOFF = { firstMs: 500, maxMs: 10_000 };

/** Reads the configuration, waits for the catalog and migrates it; the bus may be down. Throws: config.invalid, catalog.drift. */
export async function openService(name: ServiceName, argv: readonly string[]): Promise<Service> {
  const asked = argv.indexOf('--config');
  const loaded = loadConfig(configFile(asked < 0 ? undefined : argv[asked + 1]));
  const { config } = loaded;
  if (config.bus === undefined || config.catalog === undefined) {
    throw new AppError('config.invalid', `${loaded.file}: the services need \`bus\` and \`catalog\``);
  }
  const installation = new Installation(config);
  const logger = createLogger({ service: name, level: config.logLevel, secrets: loaded.secrets });
  const shutdown = new ShutdownList(logger);
  // From now on a stop also ends the wait for the catalog.
  shutdown.endOnSignals();
  shutdown.add('repositories', () => installation.close());

  const catalog = await openWithPatience({ ...config.catalog, applicationName: `holdfast ${name}` }, logger);
  shutdown.add('catalog', () => catalog.close());

  const { topicPrefix } = config.bus;
  const owner = `${name} ${hostname()} ${process.pid}`;
  const kafka = createKafka({ ...toKafkaOptions(config.bus), clientId: `holdfast-${name}`, logger });
  const publisher = new BusPublisher(kafka, topicPrefix);
  shutdown.add('publisher', () => publisher.close());
  const metrics = createMetrics({ service: name });
  const bus = watchBus({ kafka, bus: config.bus, logger, metrics });
  shutdown.add('bus watch', bus.stop, 1_000);
  return {
    ...{
      name,
      owner,
      installation,
      secrets: loaded.secrets,
      configFile: loaded.file,
      catalog,
      kafka,
      publisher,
      logger,
      shutdown,
      topicPrefix,
    },
    deadLetters: counted(createDeadLetterBox(publisher, { topicPrefix }), metrics),
    events: new EventWriter({ instance: config.instance, topicPrefix }),
    ...{ metrics, bus, intake: name === 'scheduler' ? undefined : new ConsumerState() },
    directAfterMs: config.bus.directAfterMs,
  };
}

const counted = (box: DeadLetterBox, { deadLetters }: Metrics): DeadLetterBox => ({
  put: async (letter) => {
    await box.put(letter);
    deadLetters.inc({ topic: letter.topic, reason: letter.error.code });
  },
});

type CatalogOptions = Parameters<typeof openCatalog>[0];

/** A service that starts before its database waits for it, rather than to be restarted until it is there. */
async function openWithPatience(options: CatalogOptions, logger: Logger): Promise<Catalog> {
  for (let failures = 1; ; failures += 1) {
    try {
      const catalog = await openCatalog(options);
      const applied = await catalog.migrate().catch((error) => {
        // The next try opens another; this one may be long in closing.
        void catalog.close().catch(() => undefined);
        throw error;
      });
      if (applied.length > 0) logger.info({ applied }, 'catalog migrated');
      return catalog;
    } catch (error) {
      const problem = toAppError(error);
      if (!problem.retryable) throw problem;
      logger.warn({ err: problem, failures }, 'waiting for the catalog');
      await sleep(toBackoffMs(failures, BACKOFF, Math.random()));
    }
  }
}

type BusOptions = NonNullable<Installation['config']['bus']>;

export const toKafkaOptions = ({ brokers, ssl, sasl }: BusOptions) => ({
  brokers,
  ssl,
  ...(sasl === undefined ? {} : { sasl }),
});
