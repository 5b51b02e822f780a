import { Channels } from '#common/catalog/channels.js';
import { OutboxEntry } from '#common/catalog/entities/outbox-entry.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { Envelope, UntypedEvent } from '#common/contracts/envelope.js';
import type { Problem } from '#common/errors/app-error.js';

export interface OutboxLag {
  readonly unpublished: number;
  readonly oldestAgeSeconds: number;
}

export interface Untaken {
  readonly types: readonly string[];
  /** As in the inbox's key. */
  readonly consumer: string;
  readonly olderThanMs: number;
  /** Id of the last one of the page before. */
  readonly after?: number;
  readonly limit?: number;
}

const ADD = `
  INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event)
  VALUES ($1, $2, $3, $4, $5)
  RETURNING id, pg_notify('${Channels.outboxAdded}', '')`;

const WAITING = 'published_at IS NULL AND refused_at IS NULL';

const NEXT_BATCH = `
  SELECT * FROM holdfast.outbox WHERE ${WAITING} AND topic <> ALL ($2) ORDER BY id LIMIT $1`;

const MARK_PUBLISHED = `UPDATE holdfast.outbox SET published_at = clock_timestamp() WHERE id = ANY ($1) AND ${WAITING}`;

const MARK_REFUSED = `
  UPDATE holdfast.outbox SET refused_at = clock_timestamp(), problem = $2 WHERE id = $1 AND ${WAITING}`;

const BEFORE_GRACE = 'clock_timestamp() - make_interval(secs => $2 / 1000.0)';

/**
 * What its consumer has in the inbox already is left out: however many wait, each look finds those that no consumer has taken. A request that
 * the bus took and then never delivered is one of them, for as long as looking for it is cheap.
 */
const UNTAKEN_REQUESTS = `
  SELECT *
  FROM holdfast.outbox AS request
  WHERE event_type = ANY ($1)
    AND (
      (${WAITING} AND created_at < ${BEFORE_GRACE})
      OR (published_at < ${BEFORE_GRACE} AND published_at > clock_timestamp() - interval '1 hour')
    )
    AND id > $4
    AND NOT EXISTS (
      SELECT FROM holdfast.inbox AS taken
      WHERE taken.consumer = $3 AND taken.source = request.event ->> 'source' AND taken.event_id = request.event_id
    )
  ORDER BY id
  LIMIT $5`;

/** Of an id that was given twice the first counts, as in the inbox. */
const FIND_OWN = `
  SELECT * FROM holdfast.outbox
  WHERE event_id = $1 AND event_type = $2 AND event ->> 'source' = $3
  ORDER BY id
  LIMIT 1`;

/** A request proves by its row that we made it, for as long as the bus may bring it to a service that was away. */
const PRUNE = `
  DELETE FROM holdfast.outbox
  WHERE id = ANY (ARRAY(
    SELECT id FROM holdfast.outbox
    WHERE published_at < clock_timestamp() - make_interval(secs => $1 / 1000.0)
      AND (event_type NOT LIKE '%requested' OR published_at < clock_timestamp() - interval '35 days')
    LIMIT $2
  ))`;

const LAG = `
  SELECT count(*)::integer AS unpublished,
         coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS "oldestAgeSeconds"
  FROM holdfast.outbox
  WHERE ${WAITING}`;

export const outboxStore = (sql: Sql) => ({
  /**
   * Publishes with the transaction, through the relay. Writers of one key wait here for each other until commit, and the id is
   * drawn after the wait: per key, the outbox's order is the order of commits.
   */
  add: async (event: UntypedEvent, { topic, key }: { topic: string; key: string }): Promise<void> => {
    await sql.rows('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`holdfast.outbox ${key}`]);
    await sql.rows(ADD, [event.id, event.type, topic, key, toJsonb(event)]);
  },

  /** The oldest unpublished, in order, without those of topics that are held back. For the holder of the relay's lease only. */
  nextBatch: (limit: number, exceptTopics: readonly string[] = []): Promise<OutboxEntry[]> =>
    sql.entities(OutboxEntry, NEXT_BATCH, [limit, exceptTopics]),

  /** After the bus has acknowledged them. */
  markPublished: (ids: readonly number[]): Promise<number> => sql.affected(MARK_PUBLISHED, [ids]),

  /** The bus will never take this one: it is stepped over, kept and counted, so that the rest can go on. */
  markRefused: (id: number, problem: Problem): Promise<number> => sql.affected(MARK_REFUSED, [id, toJsonb(problem)]),

  /** Requests that wait for the bus, or that it keeps, longer than the grace time: their consumer takes them from here. In order. */
  untakenRequests: ({ types, consumer, olderThanMs, after = 0, limit = 100 }: Untaken): Promise<OutboxEntry[]> =>
    sql.entities(OutboxEntry, UNTAKEN_REQUESTS, [types, olderThanMs, consumer, after, limit]),

  /** The row of an event that this installation made, published or not. */
  findOwn: async (event: Pick<Envelope, 'id' | 'type' | 'source'>): Promise<OutboxEntry | undefined> => {
    const [entry] = await sql.entities(OutboxEntry, FIND_OWN, [event.id, event.type, event.source]);
    return entry;
  },

  /** Deletes at most `limit` that were published longer ago, requests later than other events; returns how many. */
  prune: (olderThanMs: number, limit: number): Promise<number> => sql.affected(PRUNE, [olderThanMs, limit]),

  lag: async (): Promise<OutboxLag> => {
    const [lag] = await sql.rows<OutboxLag>(LAG);
    return lag ?? { unpublished: 0, oldestAgeSeconds: 0 };
  },
});
