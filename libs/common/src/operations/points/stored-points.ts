import { PointDocument } from '#common/contracts/point-document.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository, ReadOptions } from '#common/repository/backup-repository.js';
import { pointKey, pointsPrefix } from '#common/repository/layout.js';
import { toRetainUntil } from '#common/repository/lock-period.js';
import { readObject } from '#common/repository/read-object.js';

/**
 * Writes a recovery point beside its members, into every repository that holds one: each tells it without the others. Repeated, it changes
 * nothing. Only when every member exists. Throws: repository.*.
 */
export async function storePoint(
  document: PointDocument,
  repositories: readonly BackupRepository[],
  signal: AbortSignal,
): Promise<void> {
  const { point, at, pointId, members, startedAt } = document;
  const bytes = Buffer.from(`${JSON.stringify(PointDocument.parse(document), null, 2)}\n`);
  for (const repository of repositories) {
    const own = members.filter((member) => member.repository === repository.name);
    const untils = own.flatMap(({ dataset }) => {
      const until = toRetainUntil(repository, { dataset, purpose: 'regular' }, new Date(startedAt));
      return until === undefined ? [] : [until.getTime()];
    });
    const retainUntil = untils.length === 0 ? undefined : new Date(Math.min(...untils));
    await repository.put(pointKey(point, at, pointId), bytes, { signal, retainUntil });
  }
}

export interface StoredPoint {
  readonly document: PointDocument;
  readonly repository: string;
  readonly key: string;
}

/** Recovery points of one name, or of all, as one repository tells them, newest first. Throws: repository.*; repository.format for one that cannot be read. */
export async function readPoints(
  repository: BackupRepository,
  point: string | undefined,
  o: ReadOptions,
): Promise<StoredPoint[]> {
  const keys: string[] = [];
  for await (const { key } of repository.list(pointsPrefix(point), o)) keys.push(key);
  const points: StoredPoint[] = [];
  for (const key of keys) {
    const document = parsePoint(await readObject(repository, key, o), `${repository.location}: ${key}`);
    points.push({ document, repository: repository.name, key });
  }
  return points.sort((a, b) => (a.document.at < b.document.at ? 1 : -1));
}

function parsePoint(bytes: Uint8Array, place: string): PointDocument {
  try {
    return PointDocument.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new AppError('repository.format', `${place} is no recovery point that this version can read`, {}, { cause });
  }
}
