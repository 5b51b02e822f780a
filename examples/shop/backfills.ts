import { randomUUID } from 'node:crypto';
import { describeError, log } from './log.js';

export type Backfill = { id: string; state: 'running' | 'succeeded' | 'failed'; indexed: number; error?: string };
export type Rebuild = (signal: AbortSignal, onProgress: (indexed: number) => void) => Promise<number>;

const KEPT = 50;

/** The search rebuilds that this process was asked for, one at a time; they are forgotten when it stops. */
export class Backfills {
  private readonly all = new Map<string, Backfill>();
  private readonly stopping = new AbortController();
  private current: { backfill: Backfill; ended: Promise<void> } | undefined;

  constructor(private readonly rebuild: Rebuild) {}

  /** Starts a rebuild and returns at once; while one runs, that one is returned. */
  start(): Backfill {
    if (this.current !== undefined) return this.current.backfill;
    const backfill: Backfill = { id: randomUUID(), state: 'running', indexed: 0 };
    this.all.set(backfill.id, backfill);
    for (const id of this.all.keys()) if (this.all.size > KEPT) this.all.delete(id);
    this.current = { backfill, ended: this.run(backfill) };
    return backfill;
  }

  find(id: string): Backfill | undefined {
    return this.all.get(id);
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the shop is stopping'));
    await this.current?.ended;
  }

  private async run(backfill: Backfill): Promise<void> {
    try {
      backfill.indexed = await this.rebuild(this.stopping.signal, (indexed) => {
        backfill.indexed = indexed;
      });
      backfill.state = 'succeeded';
    } catch (error) {
      backfill.state = 'failed';
      backfill.error = describeError(error);
    }
    log(backfill.state === 'failed' ? 'error' : 'info', 'search backfill ended', { backfill });
    this.current = undefined;
  }
}
