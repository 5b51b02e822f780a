import type { Engine } from '#common/engines/engine.js';
import { PgDumpMethod } from '#common/engines/postgres/dump/pg-dump.method.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { toSafetyDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { Summary } from '#common/engines/summary.js';
import { toPgPlace, withDatabase } from '#common/pg/connection.js';
import { TemporalDumpMethod } from './dump/temporal-dump.method.js';
import { TemporalFacts } from './facts.js';
import { temporalProbes } from './probes/temporal-probes.js';
import { TemporalRestoreDriver } from './restore/temporal-restore.driver.js';
import { datasetChecks, hostNames, measureStores, targetChecks } from './temporal-checks.js';
import { databasesOf, STORES, type TemporalDataset, type TemporalTarget } from './temporal-dataset.js';
import { temporalDataset, temporalTarget } from './temporal-options.js';

export type TemporalEngine = Engine<TemporalDataset, TemporalTarget, TemporalFacts>;

const tools = new PgTools();

/** The two PostgreSQL databases of a Temporal: main and visibility store. */
export const temporal: TemporalEngine = {
  kind: 'temporal',
  dataset: temporalDataset,
  target: temporalTarget,
  facts: TemporalFacts,
  methods: [new TemporalDumpMethod(new PgDumpMethod(tools))],
  restores: [new TemporalRestoreDriver(tools)],
  probes: temporalProbes,
  place: (of) => toPgPlace('server' in of ? of.server.connection : of.main.connection),
  toDestination: (wanted, { main }) => postgres.toDestination(wanted, main),
  toDrillDestination: (runId, attempt) => `drill_${runId.replaceAll('-', '')}_${attempt}`,
  assertThere,
  forbidden: ({ server, visibilityDatabase }, catalogUrl) =>
    postgres.forbidden(server, catalogUrl).flatMap((name) => [name, ...toMainNames(visibilityDatabase, name)]),
  toSafetyDataset: (dataset, target, destination) => {
    const names = databasesOf(target, destination);
    return {
      ...dataset,
      main: toSafetyDataset(dataset.main, target.server, names.main),
      visibility: toSafetyDataset(dataset.visibility, target.server, names.visibility),
    };
  },
  checks: { dataset: datasetChecks, target: targetChecks, measure: measureStores, hostNames },
  summarise: toSummary,
};

async function assertThere(target: TemporalTarget, destination: string, signal: AbortSignal): Promise<void> {
  const names = databasesOf(target, destination);
  for (const store of STORES) {
    const connection = withDatabase(target.server.connection, names[store]);
    await withPgSession(connection, { signal, applicationName: 'holdfast verification' }, async () => undefined);
  }
}

/** For which destination the visibility store would have this name. */
function toMainNames(visibilityDatabase: string, name: string): string[] {
  const [before = '', after] = visibilityDatabase.split('*');
  if (after === undefined || !name.startsWith(before) || !name.endsWith(after)) return [];
  const main = name.slice(before.length, name.length - after.length);
  return main === '' ? [] : [main];
}

function toSummary({ main, visibility, namespaces, clusters, skewMs }: TemporalFacts): Summary {
  const shards = clusters[0] === undefined ? '' : `, ${clusters[0].historyShardCount} history shards`;
  const open = namespaces.reduce((sum, { openExecutions }) => sum + openExecutions, 0);
  return {
    snapshotAt: main.takenAt,
    source: `Temporal in databases "${main.database}" and "${visibility.database}" of PostgreSQL ${main.serverVersion}${shards}`,
    sourceSizeBytes: main.sizeBytes + visibility.sizeBytes,
    counts: { namespaces: namespaces.length, 'open executions': open },
    varying: ['open executions'],
    warnings: [...toSkewWarnings(skewMs), ...main.warnings, ...visibility.warnings],
  };
}

const LARGEST_SKEW_MS = 10_000;

/** Within this what one snapshot has and the other has not is among the tasks that Temporal does again. */
const toSkewWarnings = (skewMs: number): string[] =>
  Math.abs(skewMs) <= LARGEST_SKEW_MS
    ? []
    : [`the snapshots of main and visibility store are ${skewMs / 1_000} s apart, by the clocks of their servers`];
