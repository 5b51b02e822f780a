import { Readable } from 'node:stream';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { OutputObject } from '#common/engines/engine.js';
import { type ArchiveToc, parseToc, type TocEntry } from '#common/engines/postgres/archive-toc.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import type { Sealing } from '#common/sealing/sealing.js';
import type { HeldSnapshot } from '../dump-snapshot.js';
import { toCopyCommand, toCopyScript } from './copy-command.js';
import { TOC, toDataFile, toDirectoryToc } from './directory-toc.js';

/** A dump of which pg_dump is about to write the beginning. */
export interface DirectoryDump {
  readonly dataset: PostgresDataset;
  readonly toolset: PgToolset;
  readonly sealing: Pick<Sealing, 'bytes' | 'tail'>;
  readonly applicationName: string;
  readonly signal: AbortSignal;
  readonly started: {
    readonly chain: Chain;
    readonly snapshot: Pick<HeldSnapshot, 'id'>;
    readonly catalog: { readonly database: Pick<SnapshotFacts, 'encoding'> };
  };
}

/** What is known of a table before its rows are read. */
interface TableAhead {
  readonly oid: string;
  readonly blocks: number;
  /** SQL, of the configuration table of an extension; empty: all its rows. */
  readonly condition: string;
}

/** From catalogs and statistics alone: a look at the tables themselves would lock them. A table that was never analysed has its rows counted. */
const AHEAD = `
  SELECT c.oid::text AS oid, greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::float8 AS blocks, coalesce(x.condition, '') AS condition
  FROM pg_class c
  LEFT JOIN (
    SELECT config.relation, config.condition FROM pg_extension
    CROSS JOIN LATERAL unnest(extconfig, extcondition) AS config (relation, condition)
  ) x ON x.relation = c.oid
  WHERE c.relkind = 'r'`;

/**
 * An archive in directory format whose files leave while others are written, and of which no file lies here: pg_dump writes the table of contents, which comes before all
 * rows, and is ended; each table's rows are then copied in the same snapshot by a process of its own, the largest first. The caller takes several at once.
 * Throws: postgres.changing where a large object came in between; engine.*; the abort reason.
 * Source: docs/decisions/0153-rows-are-copied-beside-pg-dump.md
 */
export async function* directoryObjects(
  parts: DirectoryDump,
  inSnapshot: <T>(read: (session: PgSession) => Promise<T>) => Promise<T>,
): AsyncGenerator<OutputObject, void, void> {
  const { dataset, toolset: tools, sealing, applicationName, started, signal } = parts;
  const { bytes, toc } = await readHead(started.chain.stdout);
  await started.chain.ended.catch(() => undefined);
  signal.throwIfAborted();
  const ahead = new Map(
    (await inSnapshot((session) => session.query<TableAhead>(AHEAD))).map((each) => [each.oid, each]),
  );
  const { encoding } = started.catalog.database;
  const command = toCopyCommand({ dataset, tools, applicationName, encoding });
  const copies: Promise<unknown>[] = [];
  try {
    for (const entry of toLargestFirst(toc.entries, ahead)) {
      const script = toCopyScript(entry, started.snapshot.id, ahead.get(entry.oid)?.condition ?? '');
      const input = Readable.from([Buffer.from(script)]);
      const { stdout, ended } = spawnChain([command, ...sealing.tail()], { signal, input });
      copies.push(ended);
      yield { stage: 'dump', name: toDataFile(entry), stream: stdout };
    }
  } finally {
    // They were read to their ends, or are stopped.
    await Promise.allSettled(copies);
  }
  yield { stage: 'dump', name: TOC, stream: Readable.from([await sealing.bytes(toDirectoryToc(bytes, toc))]) };
}

function toLargestFirst(entries: readonly TocEntry[], ahead: ReadonlyMap<string, TableAhead>): TocEntry[] {
  const withData = entries.filter(({ hasData }) => hasData);
  const other = withData.find(({ kind }) => kind !== 'TABLE DATA');
  if (other !== undefined)
    throw new AppError('postgres.changing', `${other.kind.toLowerCase()} came into the database while the dump began`);
  const blocksOf = ({ oid }: TocEntry): number => ahead.get(oid)?.blocks ?? 0;
  return withData.toSorted((one, two) => blocksOf(two) - blocksOf(one));
}

/** A look costs as much as what was read so far. */
const FIRST_BYTES = 1 << 18;

/** Ends the program as soon as its table of contents is here. Throws: backup.corrupt where it ends before. */
async function readHead(stdout: Readable): Promise<{ readonly bytes: Buffer; readonly toc: ArchiveToc }> {
  const chunks: Buffer[] = [];
  let [length, tryAt] = [0, 0];
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < tryAt) continue;
    const bytes = Buffer.concat(chunks);
    const toc = parseToc(bytes);
    // Leaving the loop destroys the stream, and with it the program ends.
    if (toc !== undefined) return { bytes, toc };
    tryAt = Math.max(FIRST_BYTES, length * 2);
  }
  const bytes = Buffer.concat(chunks);
  const toc = parseToc(bytes);
  if (toc === undefined) throw new AppError('backup.corrupt', 'pg_dump ended within its table of contents');
  return { bytes, toc };
}

/** Whether a database is dumped by several jobs: large objects are written by pg_dump alone. */
export const findReasonForOneJob = async (session: PgSession): Promise<string | undefined> => {
  const { has } = await session.queryOne<{ has: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_largeobject_metadata) AS has',
  );
  return has ? 'the database holds large objects' : undefined;
};
