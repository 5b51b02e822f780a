import { busPositionOf, type Manifest } from '#common/contracts/manifest.js';
import type { PointDocument } from '#common/contracts/point-document.js';
import { measureAgreement } from '#common/domain/points/agreement.js';

/** A member as the configuration has it, with the backup that was taken of it. */
export interface TakenMember {
  readonly refersTo: readonly string[];
  readonly manifest: Manifest;
  readonly repository: string;
}

export type MeasuredPoint = Pick<PointDocument, 'point' | 'at' | 'skewMs' | 'maxSkewMs' | 'problems' | 'members'>;

/** What the backups of the members say of each other, whatever was meant. */
export function measurePoint(
  { point, maxSkewMs }: { readonly point: string; readonly maxSkewMs: number },
  taken: readonly TakenMember[],
): MeasuredPoint {
  const moments = taken.map(({ manifest, refersTo }) => ({
    ...{ dataset: manifest.dataset, refersTo },
    atMs: Date.parse(manifest.snapshotAt),
  }));
  const { atMs, skewMs, problems } = measureAgreement(moments, maxSkewMs);
  return {
    ...{ point, at: new Date(atMs).toISOString(), skewMs, maxSkewMs, problems: [...problems] },
    members: taken.map(({ manifest, refersTo, repository }) => ({
      ...{ dataset: manifest.dataset, kind: manifest.kind, method: manifest.method, backupId: manifest.backupId },
      ...{ repository, snapshotAt: manifest.snapshotAt, refersTo: [...refersTo], busPosition: busPositionOf(manifest) },
      offsetMs: Date.parse(manifest.snapshotAt) - atMs,
    })),
  };
}
