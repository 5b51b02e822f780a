import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type pg from 'pg';
import type { ShopConfig } from './config.js';
import { inTransaction, openAppPool } from './database.js';
import { openKafka, SESSION_MS } from './kafka.js';
import { describeError, log } from './log.js';
import { parseOrderPlaced } from './order-event.js';
import { recordOrder } from './orders.js';

const CHUNK = 100;
const RETRY_MS = { first: 250, most: 2_000 };

export type Projector = { stop(): Promise<void> };

/**
 * Turns the topic's orders into rows; resolves once the consumer has joined its group. An offset is committed only after the
 * transaction that holds its order, so what the group has committed is in the database. While the database cannot be
 * reached, or is gone, it waits and tries again: no order is skipped.
 */
export async function startProjector(config: ShopConfig, signal: AbortSignal): Promise<Projector> {
  const pool = openAppPool(config, 3);
  const consumer = openKafka(config).consumer({
    groupId: config.group,
    allowAutoTopicCreation: false,
    readUncommitted: false,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: 2_000,
    maxWaitTimeInMs: 500,
    retry: { retries: 5, maxRetryTime: 2_000, restartOnFailure: async () => !signal.aborted },
  });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  await untilDone(() => consumer.connect(), { signal, what: 'connect to Kafka' });
  await untilDone(() => consumer.subscribe({ topics: [config.topic], fromBeginning: true }), {
    signal,
    what: 'subscribe',
  });
  await consumer.run({
    eachBatchAutoResolve: false,
    // kafkajs commits resolved offsets only, and then also steps over the markers of producers' transactions
    autoCommitThreshold: 1,
    partitionsConsumedConcurrently: 3,
    eachBatch: (batch) => projectBatch(batch, { pool, signal }),
  });
  await Promise.race([joined, stopped]);
  return {
    async stop() {
      await consumer.disconnect();
      await pool.end();
    },
  };
}

async function projectBatch(payload: EachBatchPayload, d: { pool: pg.Pool; signal: AbortSignal }): Promise<void> {
  const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
  const isOver = () => d.signal.aborted || !isRunning() || isStale();
  for (let start = 0; start < batch.messages.length && !isOver(); start += CHUNK) {
    const chunk = batch.messages.slice(start, start + CHUNK);
    const isDone = await untilDone(() => projectChunk(d.pool, chunk, batch), {
      signal: d.signal,
      what: 'project orders',
      isOver,
      beforeRetry: heartbeat,
    });
    if (!isDone) return;
    resolveOffset((chunk.at(-1) as KafkaMessage).offset);
    await heartbeat();
  }
}

type Place = { topic: string; partition: number };

/** One transaction for the whole chunk. */
async function projectChunk(pool: pg.Pool, chunk: readonly KafkaMessage[], place: Place): Promise<void> {
  await inTransaction(pool, async (tx) => {
    for (const message of chunk) {
      const parsed = parseOrderPlaced(message.value);
      if ('event' in parsed) await recordOrder(tx, parsed.event);
      else await rejectEvent(tx, message, { ...place, reason: parsed.reason });
    }
  });
}

async function rejectEvent(
  tx: pg.ClientBase,
  message: KafkaMessage,
  { topic, partition, reason }: Place & { reason: string },
) {
  log('warn', 'event rejected', { topic, partition, offset: message.offset, reason });
  await tx.query(
    `INSERT INTO rejected_events (topic, partition, event_offset, reason, payload) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [topic, partition, message.offset, reason, message.value],
  );
}

type RetryOptions = { signal: AbortSignal; what: string; isOver?: () => boolean; beforeRetry?: () => Promise<void> };

/** Repeats `work` until it succeeds (true) or the shop stops (false). */
async function untilDone(
  work: () => Promise<unknown>,
  { signal, what, isOver, beforeRetry }: RetryOptions,
): Promise<boolean> {
  for (let waitMs = RETRY_MS.first; !(isOver?.() ?? signal.aborted); waitMs = Math.min(waitMs * 2, RETRY_MS.most)) {
    try {
      await work();
      return true;
    } catch (error) {
      log('warn', `could not ${what}, trying again`, { error: describeError(error), waitMs });
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await beforeRetry?.();
    }
  }
  return false;
}
