import type { OpenManifest } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { RestorePlan, RestoreQuestion } from '#common/engines/engine.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresRestorePlan } from '#common/engines/postgres/restore/preview/plan.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import {
  databasesOf,
  nameOf,
  type PerStore,
  perStore,
  type StoreName,
  type TemporalTarget,
} from '#common/engines/temporal/temporal-dataset.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { findReplaceProblems } from './replace-problems.js';

export type Question = RestoreQuestion<TemporalTarget, TemporalFacts>;

/** What a restore of both databases would do. */
export interface TemporalRestorePlan extends RestorePlan {
  readonly stores: PerStore<PostgresRestorePlan>;
  readonly facts: Pick<TemporalFacts, 'schemaVersions' | 'clusters' | 'namespaces' | 'skewMs'>;
}

/** The manifest of one of the two dumps, as the engine of PostgreSQL reads it. */
export const manifestOf = (manifest: OpenManifest<TemporalFacts>, store: StoreName): OpenManifest<SnapshotFacts> => ({
  ...manifest,
  snapshot: manifest.snapshot[store],
});

/** Looks at the target and says what a restore would do there. Changes nothing. Throws: postgres.*. */
export async function previewStores(
  question: Question,
  tools: PgTools,
  signal: AbortSignal,
): Promise<TemporalRestorePlan> {
  const { manifest, target, destination, strategy } = question;
  const names = databasesOf(target, destination);
  // Whatever is replaced, the databases are built beside it like new ones.
  const asNew = { ...question, target: target.server, strategy: 'new', safety: false };
  const stores = await perStore((store) =>
    previewRestore({ ...asNew, manifest: manifestOf(manifest, store), destination: names[store] }, tools, signal),
  );
  const isReplacing = strategy === 'replace';
  const problems = isReplacing
    ? await findReplaceProblems(question, { stores, tools }, signal)
    : findThere([stores.main, stores.visibility]);
  const found = [stores.main, stores.visibility].flatMap(({ refusals }) => refusals);
  const refusals = found.filter(({ code }) => code !== 'restore.database-exists');
  const { schemaVersions, clusters, namespaces, skewMs } = manifest.snapshot;
  return {
    ...{ target: target.name, destination, strategy, stores },
    exists: stores.main.exists || stores.visibility.exists,
    facts: { schemaVersions, clusters, namespaces, skewMs },
    refusals: [...findNameProblems(names), ...problems].map(toProblem).concat(refusals),
  };
}

/** Of one database or both. */
function findThere(stores: readonly PostgresRestorePlan[]): AppError[] {
  const names = stores.filter(({ exists }) => exists).map(({ destination }) => `"${destination}"`);
  if (names.length === 0) return [];
  const which = `${names.length === 1 ? 'database' : 'databases'} ${names.join(' and ')} ${names.length === 1 ? 'exists' : 'exist'}`;
  const hint = 'Choose another destination, or restore with --strategy replace.';
  return [new AppError('restore.database-exists', `${which} already`, {}, { hint })];
}

const LONGEST_NAME = 63;

/** PostgreSQL cuts a longer name in silence. */
function findNameProblems({ main, visibility }: PerStore<string>): AppError[] {
  const hint = 'Restore to a shorter name, or correct `visibilityDatabase` of the target.';
  const refuse = (why: string): AppError[] => [new AppError('restore.blocked', why, {}, { hint })];
  if (main === visibility) return refuse(`both databases would be called "${main}"`);
  if (Buffer.byteLength(visibility) <= LONGEST_NAME) return [];
  return refuse(`"${visibility}" is no name of a database: it has more than ${LONGEST_NAME} bytes`);
}

/** The plan for people. */
export function describePlan({
  stores,
  facts,
  ...plan
}: TemporalRestorePlan): Record<string, string | readonly string[]> {
  const { main, visibility } = stores;
  const both = (of: (store: PostgresRestorePlan) => readonly string[]): string[] => [
    ...new Set([...of(main), ...of(visibility)]),
  ];
  const toLine = (store: StoreName): string =>
    `"${stores[store].destination}" of target ${plan.target}, ${stores[store].exists ? 'exists' : 'does not exist'}`;
  return {
    [nameOf('main')]: toLine('main'),
    [nameOf('visibility')]: toLine('visibility'),
    strategy: plan.strategy,
    'open sessions': String(main.sessions + visibility.sessions),
    'schema of the backup': `main ${facts.schemaVersions.main}, visibility ${facts.schemaVersions.visibility}`,
    'history shards': facts.clusters.map(({ name, historyShardCount }) => `${historyShardCount} of cluster ${name}`),
    namespaces: facts.namespaces.map(({ name, openExecutions }) => `${name}: ${openExecutions} open`),
    'between the snapshots': `${facts.skewMs} ms`,
    'missing roles': both(({ missingRoles }) => missingRoles),
    'missing rights': both(({ missingRights }) => missingRights),
    'missing extensions': both(({ missingExtensions }) => missingExtensions),
    'missing locales': both(({ missingLocales }) => missingLocales),
    'tools here': both(({ tools }) => Object.values(tools)).join(', ') || 'none that fit',
  };
}
