import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Engine, Summary } from '#common/engines/engine.js';
import { PgDumpMethod } from './dump/pg-dump.method.js';
import { PgTools } from './pg-tools.js';
import type { PostgresDataset } from './postgres-dataset.js';

export type PostgresEngine = Engine<PostgresDataset, SnapshotFacts>;

/** PostgreSQL databases. */
export const postgresEngine = (dump = new PgDumpMethod(new PgTools())): PostgresEngine => ({
  kind: 'postgres',
  facts: SnapshotFacts,
  methods: [dump],
  summarise: toSummary,
});

export const postgres = postgresEngine();

function toSummary({ takenAt, sizeBytes, tables, warnings = [], ...facts }: SnapshotFacts): Summary {
  const at = facts.lsn === null ? '' : ` at ${facts.lsn}`;
  return {
    snapshotAt: takenAt,
    source: `database "${facts.database}" of PostgreSQL ${facts.serverVersion}${at}`,
    sourceSizeBytes: sizeBytes,
    counts: { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) },
    warnings,
  };
}
