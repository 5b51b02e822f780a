import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import { type BusLogger, toLogCreator } from './kafka-logger.js';
import { boundFetches } from './kafkajs/fetch.js';
import { mendHeaders } from './kafkajs/headers.js';
import { calmRequestTimers } from './kafkajs/timers.js';
import { registerCompression } from './records/compression.js';

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  readonly logger: BusLogger;
  /** How often kafkajs itself tries before it reports an outage. */
  readonly retries?: number;
}

/** The client library's handle, for those who only pass it on. */
export type BusClient = Kafka;

/** One client per process; opens no connection by itself. Reads and writes every compression that Kafka knows. */
export function createKafka({ brokers, clientId, ssl, sasl, logger, retries = 5 }: KafkaOptions): Kafka {
  registerCompression();
  calmRequestTimers();
  boundFetches();
  mendHeaders();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { retries, initialRetryTime: 200, maxRetryTime: 5_000 },
    logLevel: logLevel.INFO,
    logCreator: toLogCreator(logger),
  });
}
