import type { EntityMetadata, QueryRunner } from 'typeorm';

type Row = Record<string, unknown>;

/** One open transaction, as the stores see it: written SQL in, rows or entities out. */
export interface Sql {
  rows<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Rows of `SELECT *` or `RETURNING *` as the entity declares them. */
  entities<E extends object>(entity: new () => E, text: string, values?: readonly unknown[]): Promise<E[]>;
  affected(text: string, values?: readonly unknown[]): Promise<number>;
}

export function toSql(runner: QueryRunner): Sql {
  const query = (text: string, values: readonly unknown[] = []) => runner.query(text, [...values], true);
  return {
    rows: async <R extends object>(text: string, values?: readonly unknown[]) =>
      (await query(text, values)).records as R[],
    entities: async (entity, text, values) => {
      const metadata = runner.dataSource.getMetadata(entity);
      return (await query(text, values)).records.map((row: Row) =>
        Object.assign(new entity(), toProperties(metadata, row)),
      );
    },
    affected: async (text, values) => (await query(text, values)).affected ?? 0,
  };
}

function toProperties(metadata: EntityMetadata, row: Row): Row {
  const known = metadata.columns.filter((column) => column.databaseName in row);
  return Object.fromEntries(
    known.map(({ propertyName, databaseName, transformer }) => {
      const from = transformer === undefined || Array.isArray(transformer) ? undefined : transformer.from;
      return [propertyName, from === undefined ? row[databaseName] : from(row[databaseName])];
    }),
  );
}

/** JSON that jsonb accepts whatever it holds: stderr tails carry NUL bytes and halves of characters, which PostgreSQL refuses. */
export function toJsonb(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '\ufffd').toWellFormed() : part,
  );
}
