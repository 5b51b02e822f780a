import type { Catalog } from '#common/catalog/catalog.js';
import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { Backup } from '#common/catalog/entities/backup.entity.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { BackupExpired } from '#common/contracts/events/backup-expired.event.js';
import { type Manifest, totalBytes } from '#common/contracts/manifest.js';
import type { BackupId } from '#common/domain/ids.js';
import { toUuidV5 } from '#common/domain/ids.js';
import type { EventWriter } from '../event-writer.js';

export interface TellExpiryDeps {
  readonly catalog: Catalog | undefined;
  readonly events: EventWriter;
  /** Of this sweep alone. Undefined without a catalog. */
  readonly lease: LeaseRef | undefined;
}

export interface Forgotten {
  readonly dataset: string;
  readonly backupId: string;
  readonly repository: string;
  readonly reasons: readonly string[];
}

/** Row and event in one transaction, before anything is deleted: the catalog never names what is gone. False while a run works with it. */
export const forgetInCatalog =
  (forgotten: Forgotten, { catalog, events, lease }: TellExpiryDeps) =>
  async (_: unknown, manifest: Manifest | undefined): Promise<boolean> => {
    if (catalog === undefined) return true;
    const { dataset, backupId } = forgotten;
    return catalog.transaction(async (tx) => {
      if (lease !== undefined) await tx.leases.assertHeld(lease);
      const known = await tx.backups.find(backupId as BackupId);
      if (known?.state === 'expired') return true;
      const uses = await tx.retention.uses(dataset);
      if (uses.some((use) => use.backupId === backupId)) return false;
      const said = await forget(tx, { ...forgotten, known, manifest });
      if (said !== undefined) await tell(tx, forgotten, said, events);
      return true;
    });
  };

type Known = Forgotten & { readonly known: Backup | undefined; readonly manifest: Manifest | undefined };

/** What there is to say of it. A catalog that lost its rows says it from the manifest, which a deletion that was cut short has removed. */
async function forget(tx: CatalogTx, { backupId, repository, known, manifest }: Known): Promise<Said | undefined> {
  const expired = await tx.retention.expire(backupId as BackupId, repository);
  if (expired !== undefined) return fromRow(expired);
  if (known !== undefined || manifest === undefined) return undefined;
  await tx.retention.recordExpired(manifest);
  return fromManifest(manifest);
}

type Said = Pick<DataOf<typeof BackupExpired>, 'method' | 'purpose' | 'snapshotAt' | 'sizeBytes'>;

const fromRow = ({ method, purpose, snapshotAt, reservedAt, sizeBytes }: Backup): Said => ({
  ...{ method, purpose, sizeBytes: sizeBytes ?? 0 },
  snapshotAt: (snapshotAt ?? reservedAt).toISOString(),
});

const fromManifest = (manifest: Manifest): Said => ({
  ...{ method: manifest.method, purpose: manifest.purpose, sizeBytes: totalBytes(manifest) },
  snapshotAt: manifest.snapshotAt,
});

async function tell(tx: CatalogTx, forgotten: Forgotten, said: Said, events: EventWriter): Promise<void> {
  const { dataset, backupId, repository, reasons } = forgotten;
  const expiredAt = (await tx.now()).toISOString();
  const data = { dataset, backupId, repository, reasons: [...reasons], ...said, expiredAt };
  await events.write(tx, BackupExpired, data, { id: toUuidV5('expired', backupId, repository) });
  await tx.audit.write({
    ...{ actor: events.source, action: 'backup.expired' },
    ...{ subject: backupId, outcome: 'deleted' },
    detail: { repository, reasons: [...reasons] },
  });
}
