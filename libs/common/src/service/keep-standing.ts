import type { CatalogTx } from '#common/catalog/catalog-tx.js';
import type { CopyDamage } from '#common/catalog/entities/backup.entity.js';
import type { CopyRef } from '#common/catalog/stores/proof.store.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { BackupCleared } from '#common/contracts/events/backup-cleared.event.js';
import { BackupDamaged } from '#common/contracts/events/backup-damaged.event.js';
import { toUuidV5 } from '#common/domain/ids.js';
import { type Damage, type Judged, weighProofs } from '#common/domain/proof.js';
import type { EventWriter } from './event-writer.js';

export interface Look extends CopyRef {
  readonly dataset: string;
  /** What a listing misses; undefined without a listing since. */
  readonly lost: readonly Damage[] | undefined;
  readonly foundBy: DataOf<typeof BackupDamaged>['foundBy'];
}

export interface ProofOf extends Omit<Look, 'lost'> {
  readonly attemptKey: string;
  readonly judged: Judged;
}

/** A proof and what it makes of the backup, in the transaction that publishes the proof. Throws: catalog.unavailable. */
export async function keepProof(
  tx: CatalogTx,
  { judged, attemptKey, ...look }: ProofOf,
  events: EventWriter,
): Promise<void> {
  const { backupId, repository } = look;
  await tx.proofs.record({ ...judged, backupId, repository, attemptKey });
  // Who has read every object has seen that none is lost.
  const isWhole = judged.probes.some(({ probe, verdict }) => probe === 'checksums' && verdict === 'passed');
  await keepStanding(tx, { ...look, lost: isWhole ? [] : undefined }, events);
}

/**
 * Weighs all proofs of a copy together with what it has lost, and tells the change, if any, once. A copy that the catalog does not name,
 * or has expired, makes no event. Throws: catalog.unavailable.
 */
export async function keepStanding(tx: CatalogTx, look: Look, events: EventWriter): Promise<void> {
  const copy = await tx.proofs.lockCopy(look);
  if (copy === undefined) return;
  const proofs = await tx.proofs.of(look);
  const { damage: proven, verifiedAt } = weighProofs(proofs);
  const damage = toDamage({ lost: look.lost ?? copy.damage?.lost ?? [], proven });
  const checkedAt = newest(proofs.filter(({ objects }) => objects.some(hasDecidedSums)).map((proof) => proof.provenAt));
  await tx.proofs.setStanding(look, { damage, verifiedAt: damage === null ? verifiedAt : null, checkedAt });
  if ((damage === null) === (copy.damage === null)) return;
  const foundAt = (await tx.now()).toISOString();
  const { dataset, backupId, repository, foundBy } = look;
  const said = { dataset, backupId, repository, foundBy, foundAt };
  const id = toUuidV5('standing', backupId, repository, foundAt);
  if (damage === null) await events.write(tx, BackupCleared, said, { id });
  else await events.write(tx, BackupDamaged, { ...said, damage: [...damage.lost, ...damage.proven] }, { id });
}

const hasDecidedSums = ({ probe, verdict }: { readonly probe: string; readonly verdict: string }): boolean =>
  probe === 'checksums' && verdict !== 'inconclusive';

const toDamage = (damage: CopyDamage): CopyDamage | null =>
  damage.lost.length + damage.proven.length === 0 ? null : damage;

const newest = (instants: readonly Date[]): Date | null =>
  instants.reduce<Date | null>((last, instant) => (last === null || instant > last ? instant : last), null);
