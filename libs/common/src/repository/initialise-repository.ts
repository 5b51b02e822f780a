import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
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

/** Reads `repository.json`, writing it first where there is none. Of several that come at once one writes. Throws: repository.format for a version that this program does not know, repository.damaged for what is no such file, repository.*. */
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

/** Undefined for a place that no Holdfast has written to. Throws: repository.format, repository.damaged, repository.*. */
export async function findRepositoryIdentity(
  repository: BackupRepository,
  o: ReadOptions,
): Promise<RepositoryIdentity | undefined> {
  if ((await repository.stat(repositoryKey(), o)) === undefined) return undefined;
  return loadRepositoryIdentity(repository, o);
}

async function loadRepositoryIdentity(repository: BackupRepository, o: ReadOptions): Promise<RepositoryIdentity> {
  const bytes = await readObject(repository, repositoryKey(), o);
  const json = parseJson(repository, bytes);
  const parsed = RepositoryFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const what = `${repositoryKey()} of repository ${repository.name} at ${repository.location}`;
  const version = AnyVersion.safeParse(json);
  if (version.success && version.data.formatVersion > FORMAT_VERSION)
    throw new AppError(
      'repository.format',
      `${what} has format version ${version.data.formatVersion}, known is ${FORMAT_VERSION}`,
    );
  const problems = parsed.error.issues.map((issue) => toIssueText(issue, 'it'));
  throw new AppError('repository.damaged', `${what} is not valid: ${problems.join('; ')}`, { problems });
}

const AnyVersion = z.object({ formatVersion: z.number() });

function parseJson({ name, location }: BackupRepository, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const found = bytes.length === 0 ? 'is empty' : `holds ${bytes.length} bytes that are no JSON`;
    const message = `${repositoryKey()} of repository ${name} at ${location} ${found}`;
    throw new AppError('repository.damaged', message, {}, { cause });
  }
}
