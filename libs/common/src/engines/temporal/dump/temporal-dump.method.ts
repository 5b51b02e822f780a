import type { BackupMethod, MadeBackup, OpenOptions } from '#common/engines/engine.js';
import { toCommandsByHand } from '#common/engines/postgres/dump/dump-by-hand.js';
import type { PgDumpMethod } from '#common/engines/postgres/dump/pg-dump.method.js';
import type { PgDumpOutput } from '#common/engines/postgres/dump/pg-dump-output.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import { readSchemaVersion } from '#common/engines/temporal/read-stores.js';
import { prefixOf, type TemporalDataset } from '#common/engines/temporal/temporal-dataset.js';
import { TemporalDumpOutput } from './temporal-dump-output.js';

/** Dumps of the two databases of a Temporal, of one moment as nearly as two databases have one. */
export class TemporalDumpMethod implements BackupMethod<TemporalDataset, TemporalFacts> {
  readonly name = 'dump';

  constructor(private readonly dump: PgDumpMethod) {}

  byHand({ facts, ...made }: MadeBackup<TemporalFacts>): readonly string[] {
    return (['visibility', 'main'] as const).flatMap((store) =>
      toCommandsByHand({ ...made, facts: facts[store] }, prefixOf(store)),
    );
  }

  /**
   * Both snapshots are there before either dump begins. That of the visibility store is the older one: what the main store did in between is among the
   * tasks that Temporal has not acknowledged yet, and a restored Temporal writes it to the visibility store again. The other way round the visibility store
   * would list executions of which the main store knows nothing, for ever.
   * Throws: postgres.*, engine.*, temporal.store-missing, config.invalid.
   */
  async open(dataset: TemporalDataset, o: OpenOptions): Promise<TemporalDumpOutput> {
    const opened: { main?: PgDumpOutput; visibility?: PgDumpOutput } = {};
    const openMain = async (): Promise<void> => {
      await opened.main?.close();
      opened.main = await this.dump.open(dataset.main, o);
    };
    try {
      const alone = { ...o, readBusPosition: undefined };
      const visibility = await this.dump.open(dataset.visibility, { ...alone, beforeDump: openMain });
      opened.visibility = visibility;
      const main = opened.main as PgDumpOutput;
      await main.inSnapshot((session) => readSchemaVersion(session, 'main'));
      await visibility.inSnapshot((session) => readSchemaVersion(session, 'visibility'));
      return new TemporalDumpOutput({ main, visibility });
    } catch (error) {
      await Promise.all([opened.main?.close(), opened.visibility?.close()]);
      throw error;
    }
  }
}
