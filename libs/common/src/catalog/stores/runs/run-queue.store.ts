import { Channels } from '#common/catalog/channels.js';
import type { Claim } from '#common/catalog/claim.js';
import { Run } from '#common/catalog/entities/run.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { RunId } from '#common/domain/ids.js';
import type { JsonObject } from '#common/domain/json.js';
import type { RunKind } from '#common/domain/run.js';

export interface NewRun {
  readonly id: RunId;
  readonly kind: RunKind;
  readonly dataset: string;
  /** What only one running run may write to: the dataset of a backup, server and database of a restore. */
  readonly resource: string;
  /** Counted against the slots of that host; null: not counted. */
  readonly sourceHost: string | null;
  readonly request: JsonObject;
  /** Of the event's schema that `request` follows. */
  readonly requestVersion: number;
  /** `source` of the request event. */
  readonly requestedBy: string;
  readonly requestId: string;
  readonly correlationId: string | null;
  readonly traceparent: string | null;
  /** Larger is sooner, among runs of the same rank. */
  readonly priority: number;
  readonly deadlineAt: Date | null;
  readonly maxAttempts: number;
}

export interface ClaimOptions {
  readonly kinds: readonly RunKind[];
  /** One process, not one machine: a restarted worker is another owner. */
  readonly owner: string;
  readonly ttlMs: number;
  /** Of a kind's requests, the newest version that this process can read. A kind that is not named is claimed whatever its version. */
  readonly versions?: Readonly<Partial<Record<RunKind, number>>>;
  readonly slots: { readonly owner: number; readonly sourceHost: number };
}

export interface FreshClaim {
  readonly run: Run;
  readonly claim: Claim;
}

/** All claims pass one at a time, so that what they count stays true until they commit. */
const CLAIM_LOCK = 7_315_402_119;

const ENQUEUE = `
  INSERT INTO holdfast.runs (
    id, kind, dataset, resource, source_host, request, requested_by, request_id,
    correlation_id, traceparent, priority, deadline_at, max_attempts, request_version
  )
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT (id) DO NOTHING
  RETURNING id, pg_notify('${Channels.runQueued}', kind)`;

/**
 * Claimable: queued and due, or running with an expired claim; with attempts and time left, and not cancelled.
 * A run whose request is newer than this process is left to those that were upgraded already.
 * An expired claim frees its slots but not its resource: only its own run may take that over.
 */
const CLAIM_NEXT = `
  WITH held AS (
    SELECT owner, source_host FROM holdfast.runs WHERE state = 'running' AND claim_expires_at > clock_timestamp()
  ),
  busy AS (
    SELECT source_host FROM held WHERE source_host IS NOT NULL GROUP BY source_host HAVING count(*) >= $5
  ),
  next AS (
    SELECT run.id
    FROM holdfast.runs AS run
    WHERE run.kind = ANY ($1)
      AND (
        (run.state = 'queued' AND run.run_after <= clock_timestamp())
        OR (run.state = 'running' AND run.claim_expires_at <= clock_timestamp())
      )
      AND run.attempt - run.attempts_forgiven < run.max_attempts
      AND run.request_version <= coalesce(($6::jsonb ->> run.kind)::integer, run.request_version)
      AND run.cancel_requested_at IS NULL
      AND (run.deadline_at IS NULL OR run.deadline_at > clock_timestamp())
      AND NOT EXISTS (
        SELECT FROM holdfast.runs AS other
        WHERE other.resource = run.resource AND other.state = 'running' AND other.id <> run.id
      )
      AND (SELECT count(*) FROM held WHERE held.owner = $2) < $4
      AND (run.source_host IS NULL OR run.source_host NOT IN (SELECT source_host FROM busy))
    ORDER BY run.kind = 'restore' DESC, run.priority DESC, run.number
    LIMIT 1
    FOR UPDATE OF run SKIP LOCKED
  )
  UPDATE holdfast.runs AS run
  SET state = 'running',
      attempt = run.attempt + 1,
      owner = $2,
      claim_expires_at = clock_timestamp() + make_interval(secs => $3 / 1000.0),
      started_at = coalesce(run.started_at, clock_timestamp()),
      progress = NULL
  FROM next
  WHERE run.id = next.id
  RETURNING run.*`;

export const runQueue = (sql: Sql) => ({
  /** Queues a run and wakes the workers; false when it was queued before. */
  enqueue: async (run: NewRun): Promise<boolean> => {
    const rows = await sql.rows(ENQUEUE, [
      run.id,
      run.kind,
      run.dataset,
      run.resource,
      run.sourceHost,
      toJsonb(run.request),
      run.requestedBy,
      run.requestId,
      run.correlationId,
      run.traceparent,
      run.priority,
      run.deadlineAt,
      run.maxAttempts,
      run.requestVersion,
    ]);
    return rows.length === 1;
  },

  /**
   * Claims the next run, restores first, or nothing. Neither slots nor the one writer per resource can be exceeded,
   * however many workers claim at the same time: take nothing else in this transaction, it holds a lock that every worker wants.
   */
  claimNext: async ({ kinds, owner, ttlMs, slots, versions = {} }: ClaimOptions): Promise<FreshClaim | undefined> => {
    await sql.rows('SELECT pg_advisory_xact_lock($1)', [CLAIM_LOCK]);
    const values = [kinds, owner, ttlMs, slots.owner, slots.sourceHost, toJsonb(versions)];
    const [run] = await sql.entities(Run, CLAIM_NEXT, values);
    if (run === undefined || run.claimExpiresAt === null) return undefined;
    return { run, claim: { runId: run.id, attempt: run.attempt, owner, expiresAt: run.claimExpiresAt } };
  },
});
