import type { PointDocument } from '#common/contracts/point-document.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import type { ChosenPoint } from '#common/operations/points/choose-point.js';
import { readPoints } from '#common/operations/points/stored-points.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { loadBackup } from '#common/repository/load-backup.js';
import type { Installation } from '../installation.js';
import { repositoriesOf } from './point-members.js';

export interface ListedPoint extends PointDocument {
  /** Datasets whose backup is gone: expired, deleted or lost. Empty: all are there. */
  readonly gone: readonly string[];
}

export interface PointList {
  /** Newest first. */
  readonly points: readonly ListedPoint[];
  /** Repositories that could not be read: points that lie only there are missing. */
  readonly unread: readonly { readonly repository: string; readonly message: string }[];
}

/** Recorded recovery points as the repositories of their members tell them. Throws where none can be read: repository.*; request.refused. */
export async function listPoints(
  installation: Installation,
  names: readonly string[],
  signal: AbortSignal,
): Promise<PointList> {
  const found = new Map<string, PointDocument>();
  const failures = new Map<string, AppError>();
  const asked = new Set<string>();
  for (const name of names)
    for (const repository of repositoriesOf(installation, name)) {
      if (failures.has(repository.name)) continue;
      try {
        for (const { document } of await readPoints(repository, name, { signal }))
          found.set(document.pointId, document);
        asked.add(repository.name);
      } catch (error) {
        signal.throwIfAborted();
        failures.set(repository.name, toAppError(error));
      }
    }
  const [failure] = failures.values();
  if (failure !== undefined && asked.size === 0) throw failure;
  const stored = await listStoredIds(installation, [...found.values()], signal);
  const points = [...found.values()].map((document) => ({
    ...document,
    gone: document.members
      .filter(({ dataset, backupId }) => stored.get(dataset)?.has(backupId) === false)
      .map(({ dataset }) => dataset),
  }));
  return {
    points: points.sort((a, b) => (a.at < b.at ? 1 : -1)),
    unread: [...failures].map(([repository, { message }]) => ({ repository, message })),
  };
}

/** Ids of all backups with a manifest, by dataset; a dataset that cannot be asked, or is not configured any more, is left out. */
async function listStoredIds(
  installation: Installation,
  documents: readonly PointDocument[],
  signal: AbortSignal,
): Promise<Map<string, Set<string>>> {
  const datasets = new Set(documents.flatMap(({ members }) => members.map(({ dataset }) => dataset)));
  const stored = new Map<string, Set<string>>();
  for (const dataset of datasets) {
    try {
      const ids = new Set<string>();
      for await (const [id, objects] of listByBackup(installation.primaryRepository(dataset), dataset, { signal }))
        if (objects.some(({ key }) => key.endsWith('/manifest.json'))) ids.add(id);
      stored.set(dataset, ids);
    } catch {
      signal.throwIfAborted();
    }
  }
  return stored;
}

/** One that was recorded, with every member whole. Throws: point.missing, backup.missing, backup.damaged; request.refused; repository.*. */
export async function loadPoint(
  installation: Installation,
  { point, pointId }: { readonly point: string; readonly pointId: string },
  signal: AbortSignal,
): Promise<ChosenPoint> {
  const { points } = await listPoints(installation, [point], signal);
  const document = points.find((each) => each.pointId === pointId);
  if (document === undefined)
    throw new AppError('point.missing', `no repository holds recovery point ${pointId} of "${point}"`);
  for (const { dataset, backupId } of document.members)
    await loadBackup(installation.primaryRepository(dataset), dataset, backupId, { signal });
  const { at, skewMs, members } = document;
  return {
    ...{ point, wantedAt: null, at, skewMs },
    members: members.map(({ dataset, backupId, method, snapshotAt, offsetMs }) => ({
      ...{ dataset, backupId, method, recovery: null, snapshotAt, offsetMs },
    })),
  };
}
