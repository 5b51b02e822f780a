import { createHash } from 'node:crypto';
import type { Definition } from '#common/contracts/definition.js';
import { hideSecret, isSecretName } from '#common/engines/postgres/facts/settings.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { OF_ATTACHMENTS } from './attachments.js';
import { parseDefinitions } from './packing.js';
import { OF_RARE_KINDS } from './rare-kinds.js';
import { OF_RELATIONS } from './relations.js';
import { OF_ROUTINES_AND_TYPES } from './routines-and-types.js';

/** A longer value keeps its beginning and the digest of the whole. */
const MAX_VALUE_CHARACTERS = 16_384;

const QUERIES: readonly string[] = [OF_RELATIONS, OF_ROUTINES_AND_TYPES, OF_RARE_KINDS, OF_ATTACHMENTS].map(
  (selects) => `
    SELECT jsonb_strip_nulls(
      jsonb_build_object('kind', kind, 'identity', identity, 'of', "of", 'is', "is", 'columns', columns)
    )::text AS line
    FROM (${selects.join('\n  UNION ALL')}\n) AS definition`,
);

/**
 * What every object of the session's database is made of, one JSON object a line, in a fixed order: four queries, however many objects.
 * Lines are text, because a backup only keeps them and a hundred thousand objects would fill the heap. The session's settings must be pinned.
 */
export async function readDefinitionLines(session: PgSession): Promise<string[]> {
  const lines: string[] = [];
  for (const query of QUERIES) {
    const rows = await session.query<{ line: string }>(query);
    for (const { line } of rows) lines.push(toKeptLine(line));
  }
  return lines.sort();
}

/** As `readDefinitionLines`, to be compared. */
export const readDefinitions = async (session: PgSession): Promise<Definition[]> =>
  parseDefinitions(await readDefinitionLines(session));

/** Manifests and verdicts hold no secrets, and no value of a megabyte. */
function toKeptLine(line: string): string {
  if (line.length <= MAX_VALUE_CHARACTERS && !isSecretName(line)) return line;
  const { is, columns, ...definition } = JSON.parse(line) as Definition;
  return JSON.stringify({
    ...definition,
    is: toKept(is),
    ...(columns === undefined ? {} : { columns: columns.map((column) => ({ ...column, is: toKept(column.is) })) }),
  });
}

const toKept = (properties: Definition['is']): Definition['is'] =>
  Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, toShort(toSafe(name, value))]));

/**
 * A line that speaks of a secret and holds a literal is kept as its digest: `dblink('password=…')`. The others of the same function stay
 * readable, and two lines stay distinct.
 */
function toSafe(name: string, value: string): string {
  if (!isSecretName(value)) return value;
  const lines = value.split('\n');
  if (name.endsWith('options')) return lines.map(hideSecret).join('\n');
  return lines.map((line) => (isSecretName(line) && line.includes("'") ? `sha256:${toSha256(line)}` : line)).join('\n');
}

const toShort = (value: string): string =>
  value.length <= MAX_VALUE_CHARACTERS
    ? value
    : `${value.slice(0, MAX_VALUE_CHARACTERS)}… (${value.length} characters, sha256:${toSha256(value)})`;

const toSha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
