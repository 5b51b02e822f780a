import { parseExactJson } from '#common/domain/exact-json.js';
import type { JsonObject } from '#common/domain/json.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { literal, sql, subquery } from '#common/pg/sql.js';

const BATCH_ROWS = 1_000;

/** One id of either side: `row` is absent for an orphan document, `digest` for a missing one. */
export interface ComparedId {
  readonly id: string | null;
  /** The first of the rows with this id; its numbers keep their digits. */
  readonly row: JsonObject | null;
  /** How many rows have this id. */
  readonly copies: number;
  readonly digest: string | null;
}

/** Texts throughout: the driver's own parsing of JSON would lose digits. */
type FoundId = { readonly [column in 'id' | 'row' | 'digest']: string | null } & { readonly copies: number };

/**
 * The rows that an index was built from, joined with the documents that it holds. The join runs in the database, over a
 * temporary table of ids and digests, so that memory here is one batch whatever the size of the index.
 */
export class SearchSource {
  constructor(
    private readonly session: PgSession,
    private readonly query: string,
  ) {}

  /** The columns of the query, as a table made of it would have them. */
  async columns(): Promise<string[]> {
    await this.session.query(
      sql`CREATE TEMPORARY TABLE holdfast_source AS SELECT * FROM ${subquery(this.query)} q WITH NO DATA`,
    );
    const rows = await this.session.query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = 'pg_temp.holdfast_source'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    return rows.map(({ name }) => name);
  }

  /** Begins a read-only transaction: temporary tables are the only ones it may write. The caller rolls it back. */
  async begin(): Promise<void> {
    await this.session.query('CREATE TEMPORARY TABLE holdfast_document (id text, digest text)');
    await this.session.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  }

  async addDocuments(documents: readonly { readonly id: string; readonly digest: string }[]): Promise<void> {
    await this.session.query(
      'INSERT INTO pg_temp.holdfast_document (id, digest) SELECT * FROM unnest($1::text[], $2::text[])',
      [documents.map(({ id }) => id), documents.map(({ digest }) => digest)],
    );
  }

  async *compare(idField: string): AsyncIterable<readonly ComparedId[]> {
    await this.session.query(sql`
      DECLARE holdfast_comparison NO SCROLL CURSOR FOR
      WITH found AS (
        SELECT to_jsonb(q) AS row, to_jsonb(q) ->> ${literal(idField)} AS id FROM ${subquery(this.query)} q
      ), counted AS (
        SELECT id, row, row_number() OVER (PARTITION BY id) AS copy, count(*) OVER (PARTITION BY id)::integer AS copies
        FROM found
      ), source AS (
        SELECT * FROM counted WHERE copy = 1
      )
      SELECT coalesce(source.id, document.id) AS id, source.row::text, coalesce(source.copies, 0) AS copies, document.digest
      FROM source FULL JOIN pg_temp.holdfast_document document ON document.id = source.id`);
    for (;;) {
      const batch = await this.session.query<FoundId>(`FETCH ${BATCH_ROWS} FROM holdfast_comparison`);
      if (batch.length === 0) return;
      yield batch.map((found) => ({
        ...found,
        row: found.row === null ? null : (parseExactJson(found.row) as JsonObject),
      }));
    }
  }
}
