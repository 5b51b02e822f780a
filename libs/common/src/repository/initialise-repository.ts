import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from './backup-repository.js';
import { repositoryKey } from './layout.js';
import { readObject } from './read-object.js';

const FORMAT_VERSION = 1;

const RepositoryFile = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  id: z.uuid(),
  createdAt: z.iso.datetime(),
});

/** What `repository.json` says: which format, and which repository this is wherever it may be mounted. */
export type RepositoryIdentity = z.infer<typeof RepositoryFile>;

/** Reads `repository.json`, writing it first where there is none. Of several that come at once one writes. Throws: repository.format, repository.*. */
export async function initialiseRepository(
  repository: BackupRepository,
  { signal, now = new Date() }: ReadOptions & { readonly now?: Date },
): Promise<RepositoryIdentity> {
  const found = await findRepositoryIdentity(repository, { signal });
  if (found) return found;
  const identity: RepositoryIdentity = {
    formatVersion: FORMAT_VERSION,
    id: randomUUID(),
    createdAt: now.toISOString(),
  };
  try {
    const bytes = Buffer.from(`${JSON.stringify(identity, null, 2)}\n`);
    await repository.put(repositoryKey(), bytes, { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'repository.exists')) throw error;
  }
  return loadRepositoryIdentity(repository, { signal });
}

/** Undefined for a place that no Holdfast has written to. Throws: repository.format, repository.*. */
export async function findRepositoryIdentity(
  repository: BackupRepository,
  o: ReadOptions,
): Promise<RepositoryIdentity | undefined> {
  if ((await repository.stat(repositoryKey(), o)) === undefined) return undefined;
  return loadRepositoryIdentity(repository, o);
}

async function loadRepositoryIdentity(repository: BackupRepository, o: ReadOptions): Promise<RepositoryIdentity> {
  const text = Buffer.from(await readObject(repository, repositoryKey(), o)).toString('utf8');
  const parsed = RepositoryFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new AppError(
    'repository.format',
    `${repositoryKey()} of repository ${repository.name} is not of format version ${FORMAT_VERSION}`,
    { repository: repository.name, problems: parsed.error.issues.map(({ path, message }) => `${path}: ${message}`) },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
