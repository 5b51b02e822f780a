import type { JsonObject } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { EVIDENCE_LIMIT, EvidenceLog } from '#common/probes/evidence.js';
import { findStaleFields, toFieldDigest } from './field-digest.js';
import type { SearchIndex } from './search-index.js';
import type { ComparedId, SearchSource } from './search-source.js';

/** What can be wrong with one id, and the words for what is not listed: `13 more missing from the index`. */
const kinds = {
  missing: 'missing from the index',
  orphaned: 'orphaned: the database has no such rows',
  stale: 'stale',
  ambiguous: 'with several rows of one id',
  impossible: 'with an id that no document can have',
} as const;
type Kind = keyof typeof kinds;

/** An index cannot answer for these: the query asks for what no index can hold. */
const open: readonly Kind[] = ['ambiguous', 'impossible'];

export interface SearchTally {
  readonly problems: EvidenceLog;
  readonly unclear: EvidenceLog;
  readonly rows: number;
  readonly equal: number;
  /** How many of each kind there are; kinds without any are left out. */
  readonly counts: { readonly [kind in Kind]?: number };
}

interface Compared {
  readonly idField: string;
  readonly fields: readonly string[];
}

/** Goes through all ids of both sides once. */
export async function compareSearch(
  index: SearchIndex,
  source: SearchSource,
  compared: Compared,
): Promise<SearchTally> {
  const found = new Map<Kind, EvidenceLog>();
  let [rows, equal] = [0, 0];
  for await (const batch of source.compare(compared.idField)) {
    for (const entry of batch) {
      rows += entry.copies;
      const kind = toKind(entry, compared.fields);
      if (kind === undefined) equal += 1;
      else await note(found, kind, () => explain(kind, entry, { index, ...compared }));
    }
  }
  const logs = [...found].sort(([a], [b]) => Object.keys(kinds).indexOf(a) - Object.keys(kinds).indexOf(b));
  return {
    ...{ rows, equal, counts: Object.fromEntries(logs.map(([kind, { total }]) => [kind, total])) },
    problems: sample(logs.filter(([kind]) => !open.includes(kind))),
    unclear: sample(logs.filter(([kind]) => open.includes(kind))),
  };
}

function toKind({ id, row, digest, copies }: ComparedId, fields: readonly string[]): Kind | undefined {
  if (row === null) return 'orphaned';
  if (id === null || !POSSIBLE_ID.test(id)) return 'impossible';
  if (digest === null) return 'missing';
  if (copies > 1) return 'ambiguous';
  return toFieldDigest(row, fields) === digest ? undefined : 'stale';
}

/** Source: Meilisearch documentation, "Primary key", formatting the document id. */
const POSSIBLE_ID = /^[A-Za-z0-9_-]{1,511}$/;

/** Counts it, and asks for the words only while they are kept. */
async function note(found: Map<Kind, EvidenceLog>, kind: Kind, toEvidence: () => Promise<Evidence>): Promise<void> {
  const log = found.get(kind) ?? new EvidenceLog();
  found.set(kind, log);
  if (log.total < EVIDENCE_LIMIT) log.add(await toEvidence());
  else log.total += 1;
}

async function explain(
  kind: Kind,
  { id, row, copies }: ComparedId,
  { index, fields }: Compared & { readonly index: SearchIndex },
): Promise<Evidence> {
  const subject = id === null ? 'document without id' : `document ${/^[!-~]+$/.test(id) ? id : JSON.stringify(id)}`;
  if (kind === 'missing') return { subject, problem: 'is missing from the index' };
  if (kind === 'orphaned') return { subject, problem: 'is an orphan: the database has no such row' };
  if (kind === 'ambiguous')
    return { subject, actual: copies, problem: `the query returns ${copies} rows with this id` };
  if (kind === 'stale' && id !== null && row !== null) return explainStale(subject, { id, row }, { index, fields });
  return {
    subject,
    ...(copies > 1 ? { actual: copies } : {}),
    problem: 'no document can have this id: only 1 to 511 of A-Z, a-z, 0-9, - and _ make one',
  };
}

/** A digest only tells that something differs: the few that are shown are fetched again to say what. */
async function explainStale(
  subject: string,
  { id, row }: { readonly id: string; readonly row: JsonObject },
  { index, fields }: { readonly index: SearchIndex; readonly fields: readonly string[] },
): Promise<Evidence> {
  const document = await index.findDocument(id, fields);
  if (document === undefined) return { subject, problem: 'is stale' };
  const stale = findStaleFields(row, document, fields);
  const pick = (record: JsonObject) => Object.fromEntries(stale.map((field) => [field, record[field] ?? null]));
  return { subject, expected: pick(row), actual: pick(document), problem: `is stale in ${stale.join(', ')}` };
}

/** Some of each kind in turn, so that whatever is cut later keeps some of each; all counted; a line for what is left out. */
function sample(logs: readonly (readonly [Kind, EvidenceLog])[]): EvidenceLog {
  const all = new EvidenceLog();
  for (let turn = 0; turn < EVIDENCE_LIMIT; turn += 1)
    all.add(...logs.flatMap(([, { kept }]) => kept.slice(turn, turn + 1)));
  for (const [kind, { kept, total }] of logs) {
    const shown = kept.filter((evidence) => all.kept.includes(evidence)).length;
    if (total > shown) all.cut.push({ subject: 'documents', problem: `${total - shown} more ${kinds[kind]}` });
  }
  all.total = logs.reduce((sum, [, { total }]) => sum + total, 0);
  return all;
}
