import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { ARCHIVE, GLOBALS } from '#common/engines/postgres/dump/dump-by-hand.js';
import type { PgDumpMethod, Seal } from '#common/engines/postgres/dump/pg-dump.method.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';

/** A dump that no repository holds: for a restore on this machine. */
export interface RecoveredDump {
  readonly snapshot: SnapshotFacts;
  readonly tools: Readonly<Record<string, string>>;
  /** The file of an object, by its unsealed name. */
  fileOf(name: string): string;
}

export interface DumpRecoveredOptions {
  readonly method: PgDumpMethod;
  readonly folder: string;
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

/** Dumps one database of a recovered cluster into files, with what a restore of a dump has to know. Throws: as the method. */
export async function dumpRecovered(dataset: PostgresDataset, o: DumpRecoveredOptions): Promise<RecoveredDump> {
  const { method, folder, applicationName, signal } = o;
  const archive = join(folder, ARCHIVE);
  // No copy of the data is kept: the kernel carries it into the file as it is.
  const write = { program: 'dd', args: [`of=${archive}`, 'bs=1M', 'iflag=fullblock', 'status=none'] };
  const sealing: Seal = { tail: () => [write], bytes: async (raw) => raw };
  const session = await method.open(toUnasked(dataset), { signal, sealing, purpose: 'regular', applicationName });
  try {
    for await (const { name, stream } of session.objects()) {
      const bytes = await buffer(stream);
      if (name !== ARCHIVE) await writeFile(join(folder, name), bytes, { mode: 0o600 });
    }
    return { snapshot: await session.facts(), tools: session.tools, fileOf: (name) => toFile(folder, name) };
  } finally {
    await session.close();
  }
}

/** Nothing compares the copy with the cluster that it comes from: it is gone soon. */
const toUnasked = (dataset: PostgresDataset): PostgresDataset => ({
  ...dataset,
  // Its files lie on this machine until they are restored.
  dump: undefined,
  ...{ fingerprintTables: [], exactCountLimit: 0, migrationHeadQuery: undefined, tenantTables: undefined },
});

function toFile(folder: string, name: string): string {
  if (name === ARCHIVE || name === GLOBALS) return join(folder, name);
  throw new AppError('internal.bug', `a dump of a recovered cluster has no ${name}`);
}
