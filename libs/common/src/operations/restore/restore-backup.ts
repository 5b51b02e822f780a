import type { Manifest } from '#common/contracts/manifest.js';
import type { Recovered, RecoveryGoal } from '#common/contracts/recovery-target.js';
import type {
  Engine,
  Fence,
  FenceOptions,
  ProtectedDataset,
  RestoreDriver,
  RestoreOrder,
  TargetKind,
} from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import type { Findings, Remember, Remembered } from '#common/engines/findings.js';
import type { RestoreProgress } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';
import { assertNotRefused } from '#common/errors/refusals.js';
import { type HoldWorkOptions, holdWork } from '#common/operations/hold-work.js';
import { type OpenedBackup, openBackup } from '#common/operations/open-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { rememberHere } from './findings.js';
import { removeSpoolFolders, withSpoolFolder } from './spool-folder.js';
import { SpooledMaterial } from './spooled-material.js';

/** As it is asked for: the facts of an encrypted backup are still inside its seal. */
export interface SealedRestoreOrder extends Omit<RestoreOrder, 'manifest' | 'archive'> {
  readonly manifest: Manifest;
  /** Up to where what was archived after the backup is replayed; undefined: the backup alone. */
  readonly goal?: RecoveryGoal | undefined;
}

export interface RestoreDeps {
  readonly repository: BackupRepository;
  /** Of the backup's kind. */
  readonly engine: Engine;
  /** Default: the engine's own. */
  readonly targetKind?: TargetKind;
  /** Of which the backup is, as configured today; without it nothing is replayed that an archiver stored. */
  readonly dataset?: ProtectedDataset;
  /** Holds what is spooled while it is restored. Default: the system's temporary directory. */
  readonly workDirectory?: string | undefined;
  /** Backs up the destination before anything is touched and returns the id; undefined when declined. */
  readonly takeSafetyBackup?: (() => Promise<string>) | undefined;
  /** An earlier attempt took it, so the destination need not be fit for another one. */
  readonly isSafetyBackupTaken?: boolean;
  readonly onProgress?: (progress: RestoreProgress) => void;
  readonly onUnheld?: HoldWorkOptions['onUnheld'];
  readonly isOver?: FenceOptions['isOver'];
  /** Throws when the run is not ours any more. Asked behind the fence: an executor that takes the run from us from then on finds our work. */
  readonly assertHeld?: () => Promise<void>;
  /** Default: as long as the process lives. */
  readonly remember?: Remember | undefined;
}

export interface RestoreOutcome {
  /** Every list that the driver has, empty ones too. */
  readonly findings: Findings;
  readonly safetyBackupId: string | null;
  /** How far archived changes were replayed; null: the backup came back alone, as by most drivers. */
  readonly recovered: Recovered | null;
}

/**
 * Restores one backup, which a hold keeps meanwhile, to one destination. In this order: the seal opened, the destination fenced, refusals,
 * and then the engine's driver, which checks every byte before it changes anything. The destination is as it was, or whole, as far as the kind can.
 * An attempt after a crash finds what the earlier one finished. Throws: restore.*, sealing.*, backup.corrupt, backup.unknown-kind,
 * backup.expiring; the engine's own codes; repository.*; claim.lost when a later attempt took over; the abort reason.
 */
export async function restoreBackup(
  order: SealedRestoreOrder,
  d: RestoreDeps,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  const { dataset, backupId, method } = order.manifest;
  const opened = await openBackup(order.manifest, d, signal);
  const driver = loadDriver(d.targetKind ?? d.engine, method, `backup ${backupId}`);
  if (!driver.strategies.includes(order.strategy)) throw toStrategyError(order.strategy, driver.strategies, backupId);
  const { goal, ...asked } = order;
  assertRecovers(driver, goal);
  assertTakesParts(driver, order.parts);
  const work = { dataset, backupId, kind: 'restore' as const, runId: order.identity.runId };
  const whole = { ...asked, manifest: opened.manifest };
  const archive = d.dataset && { goal, dataset: d.dataset, repository: d.repository, keyring: opened.keyring };
  const restoring = new Restoring(archive ? { ...whole, archive } : whole, { ...d, driver, opened });
  return holdWork(d.repository, work, { signal, onUnheld: d.onUnheld }, () => restoring.run(signal));
}

/** A target accepts the strategies of its whole kind, and not every method has all of them. */
const toStrategyError = (strategy: string, strategies: readonly string[], backupId: string): AppError =>
  new AppError('request.refused', `backup ${backupId} is not restored by strategy "${strategy}"`, {
    known: strategies,
  });

/** Throws: request.refused. */
export function assertRecovers(
  { method, recovers }: Pick<RestoreDriver<never, never>, 'method' | 'recovers'>,
  goal: RecoveryGoal | undefined,
): void {
  if (goal === undefined || recovers) return;
  const hint =
    'Restore without a recovery target, or name a base backup, `latest:base`, of a dataset whose WAL is archived.';
  throw new AppError(
    'request.refused',
    `a backup by method ${method} leads to its own moment and to no other`,
    {},
    { hint },
  );
}

/** Throws: request.refused where backups come back whole only; request.invalid. */
export function assertTakesParts(
  driver: Pick<RestoreDriver<never, never>, 'method' | 'assertParts'>,
  parts: readonly string[] | undefined,
): void {
  if (parts === undefined) return;
  if (driver.assertParts === undefined)
    throw new AppError('request.refused', `a backup by method ${driver.method} comes back whole`, { parts });
  driver.assertParts(parts);
}

/** How long an attempt that failed or was stopped may tidy up; what it leaves, others end. */
const TIDY_MS = 10_000;

interface RestoringDeps extends RestoreDeps {
  readonly driver: RestoreDriver<RestoreOrder['target'], object>;
  readonly opened: OpenedBackup;
}

/** One attempt. */
class Restoring {
  constructor(
    private readonly order: RestoreOrder,
    private readonly d: RestoringDeps,
  ) {}

  async run(signal: AbortSignal): Promise<RestoreOutcome> {
    const { driver, isOver, assertHeld } = this.d;
    const { target, identity } = this.order;
    const fence = await driver.fence(this.order, { signal, isOver });
    // Without its fence nothing keeps another restore out of the destination.
    const lost = new AbortController();
    void fence.whenLost.then((error) => lost.abort(error));
    try {
      await assertHeld?.();
      return await this.behind(fence, AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      await fence.close();
      // What completes the restore may be on its way: no failure is reported while it can still arrive.
      await driver.end(target, identity, AbortSignal.timeout(TIDY_MS)).catch(() => undefined);
      throw error;
    } finally {
      await fence.close();
    }
  }

  private async behind(fence: Fence, signal: AbortSignal): Promise<RestoreOutcome> {
    const { driver, opened, repository, workDirectory, isSafetyBackupTaken } = this.d;
    const { target, identity } = this.order;
    const { remember = rememberHere(), onProgress = () => undefined, takeSafetyBackup } = this.d;
    const earlier = await remember({});
    if (earlier.doneMark !== null && (await driver.isDone(this.order, fence, earlier.doneMark))) {
      await removeSpoolFolders(workDirectory, identity);
      return this.toOutcome(earlier, null);
    }
    const safety = takeSafetyBackup !== undefined && isSafetyBackupTaken !== true;
    const inventory = () => opened.inventory(signal);
    const plan = await driver.plan({ ...this.order, safety, inventory }, signal);
    assertNotRefused(plan.refusals, `target "${target.name}"`);
    return withSpoolFolder(workDirectory, identity, async (folder) => {
      const { manifest, keyring } = opened;
      const material = new SpooledMaterial(manifest, {
        ...{ repository, keyring, folder, signal, takeSafetyBackup },
        onBytes: (progress) => onProgress({ stage: 'spool', ...progress }),
      });
      await driver.apply(this.order, { plan, fence, material, remember, onProgress }, signal);
      return this.toOutcome(await remember({}), material.safetyBackupId);
    });
  }

  private toOutcome(found: Remembered, safetyBackupId: string | null): RestoreOutcome {
    const { driver, opened } = this.d;
    const all: Findings = { ...found.findings, ...driver.remarks(opened.manifest) };
    const findings = Object.fromEntries(Object.keys(driver.findings).map((name) => [name, all[name] ?? []]));
    return { findings, safetyBackupId, recovered: found.recovered };
  }
}
