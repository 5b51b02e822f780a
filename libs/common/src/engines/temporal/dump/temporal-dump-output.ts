import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupSession, OutputObject } from '#common/engines/engine.js';
import type { PgDumpOutput } from '#common/engines/postgres/dump/pg-dump-output.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import {
  type MainStore,
  readMainStore,
  readVisibilityStore,
  type VisibilityStore,
} from '#common/engines/temporal/read-stores.js';
import { type PerStore, prefixOf, STORES } from '#common/engines/temporal/temporal-dataset.js';

/** Two dumps under way, read one after the other. */
export class TemporalDumpOutput implements BackupSession<TemporalFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools: Readonly<Record<string, string>>;

  constructor(private readonly dumps: PerStore<PgDumpOutput>) {
    this.busPosition = dumps.main.busPosition;
    this.tools = dumps.main.tools;
  }

  /** Throws: engine.exit, engine.spawn, postgres.unreachable. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    for (const store of STORES) {
      for await (const { name, stage, stream } of this.dumps[store].objects())
        yield { stage: `${store} ${stage}`, name: prefixOf(store) + name, stream };
    }
  }

  /** Of the two snapshots, counted before either is given back. Throws: temporal.store-missing; postgres.*. */
  async facts(): Promise<TemporalFacts> {
    const { main, visibility } = this.dumps;
    const told = await main.inSnapshot(readMainStore);
    const listed = await visibility.inSnapshot(readVisibilityStore);
    return toFacts({ told, listed }, { main: await main.facts(), visibility: await visibility.facts() });
  }

  /** Idempotent, never throws. */
  async close(): Promise<void> {
    await Promise.all(STORES.map((store) => this.dumps[store].close()));
  }
}

function toFacts(
  { told, listed }: { readonly told: MainStore; readonly listed: VisibilityStore },
  facts: Pick<TemporalFacts, 'main' | 'visibility'>,
): TemporalFacts {
  return {
    ...facts,
    skewMs: Date.parse(facts.main.takenAt) - Date.parse(facts.visibility.takenAt),
    schemaVersions: { main: told.schemaVersion, visibility: listed.schemaVersion },
    clusters: [...told.clusters],
    namespaces: told.namespaces.map(({ id, name }) => ({
      ...{ id, name },
      openExecutions: told.open.get(id) ?? 0,
      listedOpen: listed.open.get(id) ?? 0,
    })),
  };
}
