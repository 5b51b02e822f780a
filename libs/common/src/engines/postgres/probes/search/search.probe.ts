import { z } from 'zod';
import { toPlainText } from '#common/domain/exact-json.js';
import type { JsonObject } from '#common/domain/json.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { withSession } from '#common/engines/postgres/probes/probe-session.js';
import { findMissingObject } from '#common/engines/postgres/probes/sql/sql-errors.js';
import { AppError } from '#common/errors/app-error.js';
import { conclude, countOf, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import { toFieldDigest } from './field-digest.js';
import { compareSearch, type SearchTally } from './search-comparison.js';
import { SearchIndex } from './search-index.js';
import { SearchSource } from './search-source.js';

const SearchParams = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('Of the Meilisearch server'),
  apiKey: z.string().optional().describe('A key that may read the index, its stats and its tasks'),
  index: z.string().min(1),
  query: z
    .string()
    .min(1)
    .describe('SELECT of the rows that the index is built from, with columns named as its fields'),
  idField: z.string().default('id').describe('The primary key of the index, and a column of the query'),
  mayBeEmpty: z
    .boolean()
    .default(false)
    .describe('No documents and no rows are equal; without it, nothing is compared and the verdict stays open'),
  fields: z.array(z.string()).min(1).optional().describe('Compared fields; default: every column of the query'),
});
type SearchParams = z.output<typeof SearchParams>;

/** The search index holds exactly what the database says: no document missing, none left over, none out of date. */
export const searchProbe = definePgProbe({
  name: 'search',
  summary: 'A Meilisearch index against SQL: counts, missing, orphan and stale documents by field digests',
  readsNoFacts: true,
  timeoutMs: 1_800_000,
  params: SearchParams,
  check: (context, params) =>
    withSession(context, async (session) => {
      const index = new SearchIndex({ ...params, apiKey: params.apiKey, signal: context.signal });
      const pending = await index.pendingTasks();
      if (pending > 0) return toPending(params, pending);
      const before = await index.lastTask();
      const source = new SearchSource(session, params.query);
      const finding = await compareIndex(index, source, params);
      if ((await index.lastTask()) === before) return finding;
      return toPending(params, await index.pendingTasks());
    }),
});

async function compareIndex(index: SearchIndex, source: SearchSource, params: SearchParams): Promise<ProbeFinding> {
  const subject = `index ${params.index}`;
  const problems = new EvidenceLog();
  const count = await index.findCount();
  if (count === undefined) {
    problems.add({ subject, problem: 'the index is missing' });
    return conclude({ looked: subject, problems });
  }
  try {
    const fields = await chooseFields(source, params);
    await source.begin();
    let documents = 0;
    for await (const page of index.pages([params.idField, ...fields])) {
      await source.addDocuments(page.map((document) => toSeen(document, params.idField, fields)));
      documents += page.length;
    }
    const tally = await compareSearch(index, source, { idField: params.idField, fields });
    if (documents < count)
      tally.unclear.add({ subject, expected: count, actual: documents, problem: 'did not give all of its documents' });
    return toFinding(subject, { ...tally, documents, mayBeEmpty: params.mayBeEmpty });
  } catch (error) {
    const missing = findMissingObject(error);
    if (missing === undefined) throw error;
    problems.add({ subject, problem: `its rows cannot be read from the restored database: ${missing}` });
    return conclude({ looked: subject, problems });
  }
}

interface Found extends SearchTally {
  readonly documents: number;
  readonly mayBeEmpty: boolean;
}

function toFinding(subject: string, { documents, rows, equal, counts, mayBeEmpty, ...found }: Found): ProbeFinding {
  const looked = `${subject}: ${countOf(documents, 'document')}, ${countOf(rows, 'row')}, ${equal} equal`;
  if (documents + rows === 0 && !mayBeEmpty)
    return nothingToCompare(`${looked}; nothing was compared: set mayBeEmpty in the profile where that is right`);
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  const facts = [
    { subject, expected: rows, actual: documents },
    ...(kinds.length > 0 ? [{ subject, actual: counts }] : []),
  ];
  return conclude({ looked: [looked, ...kinds].join(', '), ...found, facts });
}

async function chooseFields(source: SearchSource, { idField, fields }: SearchParams): Promise<readonly string[]> {
  const columns = await source.columns();
  const unknown = [idField, ...(fields ?? [])].filter((field) => !columns.includes(field));
  if (unknown.length > 0) {
    throw new AppError('config.invalid', `the query of the search probe returns no column ${unknown.join(', ')}`);
  }
  return fields ?? columns.filter((column) => column !== idField);
}

const toSeen = (document: JsonObject, idField: string, fields: readonly string[]) => ({
  id: toPlainText(document[idField] ?? null),
  digest: toFieldDigest(document, fields),
});

function toPending({ index }: SearchParams, pending: number): ProbeFinding {
  const unclear = new EvidenceLog();
  const what = pending > 0 ? `${countOf(pending, 'index task')} not done yet` : 'the index changed while it was read';
  unclear.add({ subject: `index ${index}`, actual: pending, problem: what });
  return conclude({ looked: `index ${index}`, unclear, notes: [what] });
}
