import type { Manifest } from '#common/contracts/manifest.js';
import { parseDuration } from '#common/domain/duration.js';
import { inOrder } from '#common/domain/points/member-order.js';
import { AppError } from '#common/errors/app-error.js';
import { type ChosenPoint, choosePoint } from '#common/operations/points/choose-point.js';
import { listMoments, type Moments } from '#common/operations/points/list-moments.js';
import { type MeasuredPoint, measurePoint } from '#common/operations/points/measure-point.js';
import type { PlannedMember } from '#common/operations/points/take-members.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Installation } from '../installation.js';

/** The members of a recovery point in the order in which they are taken. Throws: request.refused. */
export function membersOf(installation: Installation, point: string): PlannedMember[] {
  const { members } = installation.point(point);
  const ordered = inOrder(members);
  if (ordered === undefined)
    throw new AppError('internal.bug', `the members of "${point}" refer to each other in a circle`);
  return ordered.map(({ dataset, method, refersTo }) => ({
    dataset,
    refersTo,
    method: installation.method(dataset, method),
  }));
}

/** Of all members, each once. Throws: request.refused. */
export const repositoriesOf = (installation: Installation, point: string): BackupRepository[] => [
  ...new Set(installation.point(point).members.map(({ dataset }) => installation.primaryRepository(dataset))),
];

const maxSkewOf = (installation: Installation, point: string): number =>
  parseDuration(installation.point(point).maxSkew);

/** How the backups that were taken fit together. Throws: request.refused. */
export const measureTaken = (
  installation: Installation,
  point: string,
  taken: ReadonlyMap<string, Manifest>,
): MeasuredPoint =>
  measurePoint(
    { point, maxSkewMs: maxSkewOf(installation, point) },
    membersOf(installation, point).flatMap(({ dataset, refersTo }) => {
      const manifest = taken.get(dataset);
      const repository = installation.primaryRepository(dataset).name;
      return manifest === undefined ? [] : [{ refersTo, manifest, repository }];
    }),
  );

/**
 * The members that bring a recovery point to an instant, or to the newest that is possible, from the repositories alone.
 * Throws: point.unreachable, naming the nearest; request.refused; repository.*.
 */
export async function chooseMembersOf(
  installation: Installation,
  { point, wantedAt }: { readonly point: string; readonly wantedAt: string | undefined },
  signal: AbortSignal,
): Promise<ChosenPoint> {
  const moments: Moments[] = [];
  for (const { dataset, method, refersTo } of installation.point(point).members) {
    const isArchived = installation.engineOf(dataset).archivers?.some(({ isReplayed }) => isReplayed) ?? false;
    const question = { dataset, method, refersTo, isArchived };
    moments.push(await listMoments(question, installation.primaryRepository(dataset), signal));
  }
  return choosePoint({ point, wantedAt, maxSkewMs: maxSkewOf(installation, point) }, moments);
}
