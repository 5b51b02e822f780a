import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { decideVerdict, type ProbeOutcome } from '#common/domain/verdict.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { databasesOf, STORES, type StoreName } from '#common/engines/temporal/temporal-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { defineProbe, type Probe } from '#common/probes/define-probe.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import type { TemporalProbeContext } from './temporal.probe.js';

/** A probe of PostgreSQL, asked of both databases: `row-counts` as `temporal-row-counts`. */
export const ofBothStores = (probe: Probe): Probe =>
  defineProbe<Probe['params'], TemporalProbeContext>({
    name: `temporal-${probe.name}`,
    summary: `In both databases of a Temporal: ${probe.summary.charAt(0).toLowerCase()}${probe.summary.slice(1)}`,
    timeoutMs: probe.timeoutMs,
    params: probe.params,
    check: async (context, params) => {
      const prepared = probe.prepare(params);
      if (!('probe' in prepared)) throw new AppError('internal.bug', `parameters of ${probe.name} do not parse twice`);
      const outcomes: ProbeOutcome[] = [];
      for (const store of STORES)
        outcomes.push(toNamed(store, await prepared.probe.run(toStoreContext(context, store))));
      return {
        verdict: decideVerdict(outcomes),
        summary: outcomes.map(({ summary }) => summary).join('; '),
        evidence: outcomes.flatMap(({ evidence }) => evidence),
      };
    },
  });

const toNamed = (store: StoreName, outcome: ProbeOutcome): ProbeOutcome => ({
  ...outcome,
  summary: `${store}: ${outcome.summary}`,
  evidence: outcome.evidence.map((each) => ({ ...each, subject: `${store}: ${each.subject}` })),
});

function toStoreContext(
  { manifest, dataset, target, destination, ...context }: TemporalProbeContext,
  store: StoreName,
): ProbeContext<PostgresDataset, PostgresTarget, SnapshotFacts> {
  const database = databasesOf(target, destination)[store];
  const snapshot = withoutOwnName(manifest.snapshot[store], database);
  return {
    ...context,
    ...{ manifest: { ...manifest, snapshot }, dataset: dataset[store], target: target.server, destination: database },
  };
}

/** Under another name of the database, the row that says the schema version bears that name. */
const withoutOwnName = (facts: SnapshotFacts, database: string): SnapshotFacts =>
  facts.database === database
    ? facts
    : {
        ...facts,
        tables: facts.tables.map((table) =>
          table.name.endsWith('.schema_version') ? { ...table, fingerprint: null } : table,
        ),
      };
