import type { Evidence } from '#common/domain/verdict.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PerStore, StoreName } from '#common/engines/temporal/temporal-dataset.js';
import { countOf } from '#common/probes/evidence.js';

/** Executions that are open in one store and not in the other. */
export interface Unmatched {
  /** Listed as open; the main store does not know them. */
  readonly unknown: readonly string[];
  /** Those that a started Temporal makes right by itself, some of them. */
  readonly listed: readonly Evidence[];
  readonly notes: readonly string[];
}

interface Execution {
  readonly namespace: string;
  readonly run: string;
  readonly workflow: string;
}

const SHOWN = 5;

/**
 * Reconciles the visibility store with the main store. Both are read in parts by a digest, so that only parts that differ are read by name.
 * What the main store had not acknowledged yet Temporal writes to the visibility store again when it starts.
 */
export async function findUnmatched({ main, visibility }: PerStore<PgSession>): Promise<Unmatched> {
  const [open, listed] = [await readDigests(main, 'main'), await readDigests(visibility, 'visibility')];
  const parts = [...new Set([...open.keys(), ...listed.keys()])].filter((part) => open.get(part) !== listed.get(part));
  if (parts.length === 0) return { unknown: [], listed: [], notes: [] };
  const here = await main.query<Execution>(NAMES.main, [parts]);
  const there = await visibility.query<Execution>(NAMES.visibility, [parts]);
  const [runsHere, runsThere] = [toRuns(here), toRuns(there)];
  const unlisted = here.filter(({ run }) => !runsThere.has(run));
  const closed = there.filter(({ run }) => !runsHere.has(run));
  const known = await findKnown(main, closed);
  const unknown = closed.filter(({ run }) => !known.has(run));
  const stale = closed.filter(({ run }) => known.has(run));
  return {
    unknown: unknown.map(toName),
    listed: [
      ...unlisted.slice(0, SHOWN).map((each) => ({ subject: `${toName(each)}, open and not listed as open` })),
      ...stale.slice(0, SHOWN).map((each) => ({ subject: `${toName(each)}, listed as open and closed` })),
    ],
    notes: [
      ...(unlisted.length > 0
        ? [`${countOf(unlisted.length, 'execution')} not listed as open before Temporal starts`]
        : []),
      ...(stale.length > 0 ? [`${countOf(stale.length, 'execution')} listed as open before Temporal starts`] : []),
    ],
  };
}

const toRuns = (executions: readonly Execution[]): ReadonlySet<string> => new Set(executions.map(({ run }) => run));

const toName = ({ namespace, workflow, run }: Execution): string =>
  `workflow ${workflow}, run ${run}, namespace ${namespace}`;

const OPEN = `
  SELECT encode(namespace_id, 'hex')::uuid::text AS namespace, encode(run_id, 'hex')::uuid::text AS run, workflow_id AS workflow
  FROM current_executions WHERE state IN (1, 2)`;

const LISTED = `
  SELECT rtrim(namespace_id) AS namespace, rtrim(run_id) AS run, workflow_id AS workflow
  FROM executions_visibility WHERE status = 1`;

const HASH = 'hashtextextended(run, 0)';
const PART = `(${HASH} & 1023)::int`;
const DIGEST = `count(*) || ':' || sum(${HASH}::numeric)`;

const DIGESTS = {
  main: `SELECT ${PART} AS part, ${DIGEST} AS digest FROM (${OPEN}) AS e GROUP BY 1`,
  visibility: `SELECT ${PART} AS part, ${DIGEST} AS digest FROM (${LISTED}) AS e GROUP BY 1`,
};

const NAMES = {
  main: `SELECT * FROM (${OPEN}) AS e WHERE ${PART} = ANY ($1)`,
  visibility: `SELECT * FROM (${LISTED}) AS e WHERE ${PART} = ANY ($1)`,
};

async function readDigests(session: PgSession, store: StoreName): Promise<ReadonlyMap<number, string>> {
  const rows = await session.query<{ part: number; digest: string }>(DIGESTS[store]);
  return new Map(rows.map(({ part, digest }) => [part, digest]));
}

async function findKnown(main: PgSession, executions: readonly Execution[]): Promise<ReadonlySet<string>> {
  const rows = await main.query<{ run: string }>(
    `SELECT encode(run_id, 'hex')::uuid::text AS run FROM executions
     WHERE run_id = ANY (SELECT decode(replace(r, '-', ''), 'hex') FROM unnest($1::text[]) AS r)`,
    [executions.map(({ run }) => run)],
  );
  return new Set(rows.map(({ run }) => run));
}
