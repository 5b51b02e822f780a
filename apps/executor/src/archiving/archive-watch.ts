import type { Catalog } from '#common/catalog/catalog.js';
import type { LeaseRef } from '#common/catalog/stores/lease.store.js';
import { ArchiveGapDetected } from '#common/contracts/events/archive-gap-detected.event.js';
import { ArchiveLagging } from '#common/contracts/events/archive-lagging.event.js';
import { ArchiveResumed } from '#common/contracts/events/archive-resumed.event.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { toUuidV5 } from '#common/domain/ids.js';
import type { ArchiveGap, ArchiverWatch } from '#common/engines/archiver.js';
import { toText } from '#common/errors/printable.js';
import type { EventWriter } from '#common/service/event-writer.js';
import type { Logger } from '#common/telemetry/logger.js';
import type { Metrics } from '#common/telemetry/metrics.js';

export interface ArchiveWatchDeps {
  readonly catalog: Catalog;
  readonly events: EventWriter;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly dataset: string;
  readonly archiver: string;
  /** Under which the archiver works: who has lost it tells nothing any more. */
  readonly lease: LeaseRef;
  readonly lagAfterMs: number;
}

/** Tells how one archiver is getting on: by events when that changes, by metrics all the time. */
export class ArchiveWatch implements ArchiverWatch {
  private completeMs = performance.now();
  private completeAt: Date | undefined;
  private position = '';
  private bytes: number | null = null;
  private reason: string | null = null;
  private recoverableFrom: Date | undefined;
  private told: 'nothing' | 'complete' | 'lag' = 'nothing';
  private changes = 0;
  private states: readonly string[] = [];

  constructor(private readonly d: ArchiveWatchDeps) {}

  onComplete({ position, at }: { readonly position: string; readonly at: Date }): void {
    this.completeMs = performance.now();
    this.completeAt = at;
    this.position = position;
    this.reason = null;
  }

  onBehind({ bytes, outage }: Parameters<ArchiverWatch['onBehind']>[0]): void {
    this.bytes = bytes;
    if (outage !== undefined) this.reason = outage.message;
  }

  onCounts(counts: Readonly<Record<string, number>>): void {
    const { dataset, archiver, metrics } = this.d;
    this.states = Object.keys(counts);
    for (const [state, count] of Object.entries(counts))
      metrics.archiveObjects.set({ dataset, archiver, state }, count);
  }

  onInterrupted(error: unknown): void {
    this.bytes = null;
    this.reason = toText(error);
    this.d.logger.warn({ err: error }, 'archiving interrupted, and begun anew');
  }

  /** What the repository shows. `from`: where the window begins in which the archiver works; undefined: there is none. */
  onReach({ from, holes }: { readonly from: Date | undefined; readonly holes: number }): void {
    const { dataset, metrics } = this.d;
    this.recoverableFrom = from;
    metrics.recoverableHoles.set({ dataset }, holes);
    if (from === undefined) metrics.recoverableFrom.remove({ dataset });
    else metrics.recoverableFrom.set({ dataset }, from.getTime() / 1_000);
    this.showUntil();
  }

  /** The event and the request for a backup that begins anew, together. Throws: catalog.unavailable, claim.lost. */
  async onGap({ mendedBy: method, ...gap }: ArchiveGap): Promise<void> {
    const { catalog, events, dataset, archiver, lease, logger, metrics } = this.d;
    logger.error(gap, 'a gap in the archive: what the source wrote is gone');
    metrics.archiveGaps.inc({ dataset, archiver });
    // What is complete from now on leads on from no base backup yet.
    this.recoverableFrom = undefined;
    this.showUntil();
    const id = toUuidV5('archive-gap', dataset, gap.source, `${gap.from} ${gap.to}`);
    const requestId = toUuidV5('mend-gap', id);
    await catalog.transaction(async (tx) => {
      await tx.leases.assertHeld(lease);
      const foundAt = (await tx.now()).toISOString();
      await events.write(
        tx,
        ArchiveGapDetected,
        { ...gap, dataset, archiver, backupRequestId: requestId, foundAt },
        { id },
      );
      await events.write(
        tx,
        BackupRequested,
        { dataset, method },
        { id: requestId, causationid: id, correlationid: id },
      );
    });
  }

  /** Called every few seconds. Never throws: what cannot be published now, the next look publishes. */
  async look(): Promise<void> {
    const { dataset, archiver, metrics, lagAfterMs, logger } = this.d;
    const lagMs = performance.now() - this.completeMs;
    metrics.archiveLagSeconds.set({ dataset, archiver }, lagMs / 1_000);
    this.showUntil();
    if (this.bytes !== null) metrics.archiveLagBytes.set({ dataset, archiver }, this.bytes);
    try {
      if (lagMs > lagAfterMs) await this.tellLag(lagMs);
      else if (this.completeAt !== undefined) await this.tellComplete(this.completeAt);
    } catch (error) {
      logger.warn({ err: error }, 'cannot report how the archiver is getting on');
    }
  }

  /** Another process has it now, and its own numbers. */
  forget(): void {
    const { dataset, archiver, metrics } = this.d;
    metrics.archiveLagSeconds.remove({ dataset, archiver });
    metrics.archiveLagBytes.remove({ dataset, archiver });
    for (const state of this.states) metrics.archiveObjects.remove({ dataset, archiver, state });
    for (const gauge of [metrics.recoverableFrom, metrics.recoverableUntil, metrics.recoverableHoles])
      gauge.remove({ dataset });
  }

  private showUntil(): void {
    const { dataset, metrics } = this.d;
    if (this.recoverableFrom === undefined) metrics.recoverableUntil.remove({ dataset });
    else if (this.completeAt !== undefined)
      metrics.recoverableUntil.set({ dataset }, this.completeAt.getTime() / 1_000);
  }

  private async tellLag(lagMs: number): Promise<void> {
    if (this.told === 'lag') return;
    const { catalog, events, dataset, archiver, lease, logger } = this.d;
    const lag = { lagSeconds: Math.round(lagMs / 1_000), lagBytes: this.bytes, reason: this.reason };
    await catalog.transaction(async (tx) => {
      await tx.leases.assertHeld(lease);
      const foundAt = (await tx.now()).toISOString();
      const completeAt = this.completeAt?.toISOString() ?? null;
      await events.write(tx, ArchiveLagging, { ...lag, dataset, archiver, completeAt, foundAt }, { id: this.nextId });
    });
    this.told = 'lag';
    this.changes += 1;
    logger.warn(lag, 'the archive lags behind');
  }

  private async tellComplete(at: Date): Promise<void> {
    if (this.told === 'complete') return;
    const { catalog, events, dataset, archiver, lease, logger } = this.d;
    const after = this.told === 'lag' ? ('lag' as const) : ('start' as const);
    const { position } = this;
    await catalog.transaction(async (tx) => {
      await tx.leases.assertHeld(lease);
      const said = { dataset, archiver, position, completeAt: at.toISOString(), after };
      await events.write(tx, ArchiveResumed, said, { id: this.nextId });
    });
    this.told = 'complete';
    this.changes += 1;
    logger.info({ position, after }, 'the archive is complete');
  }

  /** One for each change under one lease: a try whose answer was lost says the same again. */
  private get nextId(): string {
    const { lease } = this.d;
    return toUuidV5('archive-state', lease.name, String(lease.fence), String(this.changes));
  }
}
