import { AppError } from '#common/errors/app-error.js';

/** A table, or all tables of a schema, by their names as PostgreSQL keeps them. */
export interface PartName {
  readonly schema: string;
  /** null: every table of the schema. */
  readonly table: string | null;
}

const NAME = '"(?:[^"]|"")+"|[\\p{L}_][\\p{L}\\p{N}_$]*';
const PART = new RegExp(`^(${NAME})\\.(${NAME}|\\*)$`, 'su');

/**
 * `public.orders`, `sales.*`, `public."Odd.name"`: read by the rules of SQL, so that a name with capitals, dots or line breaks stands in double quotes. Without a
 * dot between two names it is none: which schema is meant is never guessed. Throws: request.invalid.
 */
export function parsePart(text: string): PartName {
  const [, schema, table] = PART.exec(text) ?? [];
  if (schema !== undefined && table !== undefined)
    return { schema: toName(schema), table: table === '*' ? null : toName(table) };
  const hint =
    'Write a table as `schema.table` and all tables of a schema as `schema.*`; a name with capitals, dots or blanks stands in double quotes: `public."Order Lines"`.';
  throw new AppError('request.invalid', `${JSON.stringify(text)} names no table`, {}, { hint });
}

const toName = (written: string): string =>
  written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();

export const isMeant = (
  { schema, table }: PartName,
  found: { readonly schema: string; readonly name: string },
): boolean => schema === found.schema && (table === null || table === found.name);
