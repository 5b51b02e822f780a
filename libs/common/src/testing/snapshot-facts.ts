import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { type CountOptions, countTables } from '#common/engines/postgres/facts/counts.js';
import { withContents } from '#common/engines/postgres/facts/large-object-ranges.js';
import { inReadOnlySnapshot } from '#common/engines/postgres/facts/pinned-session.js';
import { readCatalogFacts, toSnapshotFacts } from '#common/engines/postgres/facts/read.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

export interface FactsOptions extends CountOptions {
  readonly migrationHeadQuery: string | undefined;
}

const EVERYTHING: FactsOptions = {
  fingerprintTables: ['*'],
  exactCountLimit: 1_000_000,
  migrationHeadQuery: undefined,
};

/** All facts of the session's database in one snapshot, as a dump records them: by default every table counted and fingerprinted. */
export function readSnapshotFacts(session: PgSession, o: Partial<FactsOptions> = {}): Promise<SnapshotFacts> {
  const options = { ...EVERYTHING, ...o };
  return inReadOnlySnapshot(session, async () => {
    const catalog = await readCatalogFacts(session, options.migrationHeadQuery);
    const facts = toSnapshotFacts(catalog, await countTables(session, catalog.tables, options));
    return { ...facts, largeObjects: await withContents(session, catalog.largeObjects, options.fingerprintTables) };
  });
}
