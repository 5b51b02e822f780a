import type { Evidence } from '#common/domain/verdict.js';
import { EVIDENCE_LIMIT, EvidenceLog } from './evidence.js';
import { findStaleFields, toFieldDigest } from './field-digest.js';
import type { SearchIndex } from './search-index.js';
import type { ComparedId, SearchSource } from './search-source.js';

export interface SearchTally {
  readonly problems: EvidenceLog;
  readonly rows: number;
  readonly equal: number;
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
  const problems = new EvidenceLog();
  let [rows, equal] = [0, 0];
  for await (const batch of source.compare(compared.idField)) {
    for (const entry of batch) {
      if (entry.row !== null) rows += 1;
      const problem = toProblem(entry, compared.fields);
      if (problem === undefined) equal += 1;
      else problems.add(problems.total < EVIDENCE_LIMIT ? await explain(problem, entry, index, compared) : problem);
    }
  }
  return { problems, rows, equal };
}

function toProblem({ id, row, digest }: ComparedId, fields: readonly string[]): Evidence | undefined {
  const subject = `document ${id ?? 'without id'}`;
  if (id === null) return { subject, problem: 'the query returned a row without an id' };
  if (digest === null) return { subject, problem: 'is missing from the index' };
  if (row === null) return { subject, problem: 'is an orphan: the database has no such row' };
  return toFieldDigest(row, fields) === digest ? undefined : { subject, problem: STALE };
}

const STALE = 'is stale';

/** A digest only tells that something differs: the few that are shown are fetched again to say what. */
async function explain(
  problem: Evidence,
  { id, row }: ComparedId,
  index: SearchIndex,
  { fields }: Compared,
): Promise<Evidence> {
  if (problem.problem !== STALE || id === null || row === null) return problem;
  const document = await index.findDocument(id, fields);
  if (document === undefined) return problem;
  const stale = findStaleFields(row, document, fields);
  const pick = (record: typeof row) => Object.fromEntries(stale.map((field) => [field, record[field] ?? null]));
  return { ...problem, expected: pick(row), actual: pick(document), problem: `${STALE} in ${stale.join(', ')}` };
}
