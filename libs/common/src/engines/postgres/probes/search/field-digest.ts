import { createHash } from 'node:crypto';
import type { JsonObject } from '#common/domain/json.js';
import { toCanonicalJson } from '#common/probes/canonical-json.js';

/** Digest of some fields of a row or document: equal when every field is. A field that is absent equals one that is null. */
export function toFieldDigest(record: JsonObject, fields: readonly string[]): string {
  const chosen = Object.fromEntries(fields.map((field) => [field, record[field] ?? null]));
  return createHash('sha256').update(toCanonicalJson(chosen)).digest('base64url');
}

/** The fields in which two records differ. */
export const findStaleFields = (row: JsonObject, document: JsonObject, fields: readonly string[]): string[] =>
  fields.filter((field) => toCanonicalJson(row[field] ?? null) !== toCanonicalJson(document[field] ?? null));
