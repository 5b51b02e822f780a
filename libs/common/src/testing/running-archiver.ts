import { setTimeout as sleep } from 'node:timers/promises';
import { type Lsn, toLsnBytes } from '#common/domain/lsn.js';
import { headKey } from '#common/engines/postgres/wal/wal-archive.js';
import { type ArchiveWalDeps, archiveWal, type WalGap } from '#common/engines/postgres/wal/wal-archiver.js';
import { DEFAULT_PACE, type StreamState } from '#common/engines/postgres/wal/wal-receiver.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { readObject } from '#common/repository/read-object.js';
import { plainSealing } from './backup-test-bed.js';
import type { ThrowawayCluster } from './throwaway-cluster.js';

const pace = { ...DEFAULT_PACE, flushEveryMs: 100, statusEveryMs: 200 };

/** An archiver that a spec may stop at any moment, as a killed process does: nothing of it is said goodbye to. */
export class RunningArchiver {
  readonly gaps: WalGap[] = [];
  readonly interruptions: unknown[] = [];
  state: StreamState | undefined;
  private readonly control = new AbortController();
  private readonly done: Promise<unknown>;

  constructor(
    cluster: ThrowawayCluster,
    private readonly repository: BackupRepository,
    { name = 'shop', ...changes }: Partial<ArchiveWalDeps> & { readonly name?: string } = {},
  ) {
    const deps: ArchiveWalDeps = {
      ...{ repository, sealing: plainSealing, clock: () => new Date(), pace },
      onState: (state) => {
        this.state = state;
      },
      onGap: (gap) => void this.gaps.push(gap),
      onInterrupted: (error) => void this.interruptions.push(error),
      ...changes,
    };
    const dataset = cluster.dataset({ name, wal: { mode: 'stream', slot: 'spec' } });
    this.done = archiveWal(dataset, deps, this.control.signal).catch((error: unknown) => error);
  }

  /** Waits for the archive to say of itself that it is complete. */
  async untilComplete(): Promise<void> {
    await sleep(3 * pace.statusEveryMs);
  }

  /** What the archive says of itself. */
  async head(dataset: string): Promise<{ readonly at: string; readonly lsn: string }> {
    const { systemId = '' } = (this.state ?? {}) as { systemId?: string };
    const bytes = await readObject(this.repository, headKey(dataset, systemId), { signal: this.control.signal });
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  }

  async kill(): Promise<void> {
    this.control.abort(new AppError('run.interrupted', 'killed by the spec'));
    await this.done;
  }

  async until(lsn: Lsn, limitMs = 20_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while ((this.state?.stored ?? 0n) < toLsnBytes(lsn)) {
      if (performance.now() > deadline)
        throw new Error(`only ${this.state?.stored} of ${lsn} is stored; ${String(this.interruptions.at(-1))}`);
      await sleep(20);
    }
  }
}
