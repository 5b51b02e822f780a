import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import type { ManifestObject } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { encodeTexts } from '#common/engines/postgres/archive-names.js';
import { listTables } from '#common/engines/postgres/facts/tables.js';
import type { PgProbeContext } from '#common/engines/postgres/probes/pg-probe.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import type { Command } from '#common/process/command.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { toUnsealing } from '#common/sealing/sealing.js';
import { type ArchiveEntries, type ArchiveEntry, parseArchiveList } from './archive-entries.js';
import { withSession } from './probe-session.js';
import { splitQualifiedName } from './qualified-name.js';

const ARCHIVE = /(?:\.dump|^toc\.dat)(\.zst)?(\.age)?$/;
const IS_DIRECTORY = /^toc\.dat/;

/** pg_restore stops reading after the table of contents; the rest is read too, so that decompression is proven to its end. */
const LIST_AND_DRAIN = '"$0" --list; status=$?; cat >/dev/null; exit "$status"';

/** Of a directory its table of contents is listed; the files beside it `checksums` reads to their ends. */
const LIST_DIRECTORY = 'd=$(mktemp -d); cat >"$d/toc.dat"; "$0" --list "$d"; status=$?; rm -r "$d"; exit "$status"';

/** The archive opens with the standard tools alone, to its last byte, and lists every table that the snapshot had. */
export const archiveListProbe = definePgProbe({
  name: 'archive-list',
  summary: 'The archive decompresses to its end and lists every table of the backup',
  timeoutMs: 6 * 3_600_000,
  params: z.strictObject({}),
  async check(context) {
    const { manifest } = context;
    const archive = manifest.objects.find(({ name }) => ARCHIVE.test(name));
    if (archive === undefined) return nothingToCompare('the backup holds no archive');
    const problems = new EvidenceLog();
    const listing = await listArchive(archive, context);
    if ('problem' in listing) {
      problems.add({ subject: archive.name, problem: listing.problem });
      return conclude({ looked: archive.name, problems });
    }
    const entries = parseArchiveList(listing.bytes);
    const { partitioned, names } = await readRestoredNames(context);
    for (const table of toExpected(manifest.snapshot)) {
      const entry = { ...splitQualifiedName(table.name), owner: table.owner };
      const problem = findProblem(table, names(entry), { entries, partitioned });
      if (problem !== undefined) problems.add(problem);
    }
    const looked = `${countOf(manifest.snapshot.tables.length, 'table')}, ${entries.count} entries in ${archive.name}`;
    return conclude({ looked, problems, facts: [{ subject: archive.name, actual: `${entries.count} entries` }] });
  },
});

interface ExpectedTable {
  readonly name: string;
  readonly rows: number;
  readonly owner: string;
}

function toExpected({ tables, objects }: SnapshotFacts): ExpectedTable[] {
  const owners = new Map(objects.filter(({ kind }) => kind === 'table').map((table) => [table.identity, table.owner]));
  return tables.map(({ name, rows }) => ({ name, rows, owner: owners.get(name) ?? '' }));
}

type EntryName = Omit<ArchiveEntry, 'kind'>;

function findProblem(
  { name, rows }: ExpectedTable,
  entry: EntryName,
  { entries, partitioned }: { readonly entries: ArchiveEntries; readonly partitioned: ReadonlySet<string> },
): Evidence | undefined {
  if (!entries.take({ kind: 'TABLE', ...entry })) {
    return { subject: name, problem: 'the archive has no entry for the table' };
  }
  // Rows of a partitioned table are in its partitions: the archive holds no data under its own name.
  if (partitioned.has(name) || entries.take({ kind: 'TABLE DATA', ...entry }) || rows === 0) return undefined;
  return { subject: name, expected: rows, problem: 'the archive has no data for the table' };
}

interface RestoredNames {
  readonly partitioned: ReadonlySet<string>;
  /** As the archive holds it: its bytes, each as a character. */
  names(entry: EntryName): EntryName;
}

/** An archive is written in its database's encoding, and only a server knows all of them. */
const readRestoredNames = (context: PgProbeContext): Promise<RestoredNames> =>
  withSession(context, async (session) => {
    const { snapshot } = context.manifest;
    const tables = await listTables(session);
    const texts = toExpected(snapshot).flatMap(({ name, owner }) => [
      ...Object.values(splitQualifiedName(name)),
      owner,
    ]);
    const bytes = await encodeTexts(session, [...new Set(texts)], snapshot.encoding);
    const encode = (text: string): string => bytes.get(text) ?? text;
    return {
      partitioned: new Set(tables.filter(({ isPartitioned }) => isPartitioned).map(({ name }) => name)),
      names: ({ schema, name, owner }) => ({ schema: encode(schema), name: encode(name), owner: encode(owner) }),
    };
  });

async function listArchive(
  object: ManifestObject,
  context: PgProbeContext,
): Promise<{ bytes: string } | { problem: string }> {
  const { repository, keyring, signal, tools, toolDirectories, manifest } = context;
  const major = Math.floor(manifest.snapshot.serverVersionNum / 10_000);
  const toolset = await tools.find(major, ['pg_restore'], { directories: toolDirectories, signal });
  const script = IS_DIRECTORY.test(object.name) ? LIST_DIRECTORY : LIST_AND_DRAIN;
  const list: Command = { program: 'sh', args: ['-c', script, toolset.path('pg_restore')] };
  const input = await repository.get(object.key, { signal });
  const chain = spawnChain([...toUnsealing(object, keyring), list], { signal, input });
  try {
    return { bytes: (await buffer(chain.stdout)).toString('latin1') };
  } catch (error) {
    // A program that rejects the archive has looked at it; storage that does not give it has not.
    if (!(error instanceof AppError) || error.code !== 'engine.exit') throw error;
    return { problem: `the archive cannot be read: ${toText(error.context['stderrTail'] ?? error.message)}` };
  }
}
