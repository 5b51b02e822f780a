import { pipeline, type Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import { type InventoryEntry, InventoryEntry as InventorySchema, Reference } from '#common/contracts/shared-ref.js';
import { compareCodePoints } from '#common/domain/code-points.js';
import { AppError } from '#common/errors/app-error.js';
import { checkedBody } from '#common/operations/restore/spool-object.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { toUnsealing } from '#common/sealing/sealing.js';
import { readLines } from './line-stream.js';

export const INVENTORY_NAME = 'inventory.ndjson';
export const REFERENCES_NAME = 'references.ndjson';

/** The shared objects that a backup needs, sorted by name, each once. Without references it needs none. Throws: backup.corrupt; repository.*. */
export async function* readReferences(
  manifest: Manifest,
  repository: BackupRepository,
  o: ReadOptions,
): AsyncGenerator<Reference> {
  if (manifest.references === undefined) return;
  const object = findObject(manifest, manifest.references.object);
  const body = await checkedBody(object, repository, o);
  const raw = createZstdDecompress();
  // Its error comes out of `raw`, where the reader is.
  pipeline(body, raw, () => undefined);
  let last = '';
  try {
    for await (const line of readLines(raw)) {
      const reference = parseLine(Reference, line, object);
      if (reference.name <= last) throw toCorrupt(object, `is not sorted at ${reference.name}`);
      last = reference.name;
      yield reference;
    }
  } catch (error) {
    // What decompresses stops at the first bad byte, before the digest is known.
    const isOfZlib = /^Z(STD)?_/.test((error as NodeJS.ErrnoException).code ?? '');
    throw isOfZlib ? toCorrupt(object, 'cannot be opened', error) : error;
  }
}

/** What a backup holds, sorted by key. Throws: backup.corrupt, engine.exit for what cannot be opened; repository.*. */
export async function* readInventory(
  manifest: Manifest,
  repository: BackupRepository,
  { keyring, signal }: ReadOptions & { readonly keyring: Keyring },
): AsyncGenerator<InventoryEntry> {
  if (manifest.inventory === undefined) return;
  const object = findObject(manifest, manifest.inventory.object);
  const input = await checkedBody(object, repository, { signal });
  const { stdout } = spawnChain(toUnsealing(object, keyring), { signal, input });
  let last: string | undefined;
  for await (const line of readLines(stdout as Readable)) {
    const entry = parseLine(InventorySchema, line, object);
    if (last !== undefined && compareCodePoints(entry.key, last) < 0)
      throw toCorrupt(object, `is not sorted at ${entry.key}`);
    last = entry.key;
    yield entry;
  }
}

function findObject({ backupId, objects }: Manifest, name: string): ManifestObject {
  const object = objects.find((each) => each.name === name);
  if (object !== undefined) return object;
  throw new AppError('backup.corrupt', `the manifest of backup ${backupId} names ${name} and does not list it`);
}

interface LineSchema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: Error };
}

function parseLine<T>(schema: LineSchema<T>, line: string, object: ManifestObject): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw toCorrupt(object, 'has a line that is not JSON', cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw toCorrupt(object, 'has a line that is not valid', parsed.error);
}

const toCorrupt = ({ key }: ManifestObject, what: string, cause?: unknown): AppError =>
  new AppError('backup.corrupt', `${key} ${what}`, { key }, { cause });
