import { type Backoff, toBackoffMs } from '#common/domain/backoff.js';

interface Hold {
  readonly failures: number;
  readonly untilMs: number;
}

/** Topics that the bus does not take for now, each with the time of its next try: they wait, and keep no other topic waiting. */
export class HeldTopics {
  private readonly holds = new Map<string, Hold>();

  constructor(
    private readonly backoff: Backoff,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Returns how often in a row it has failed by now. */
  hold(topic: string): number {
    const failures = (this.holds.get(topic)?.failures ?? 0) + 1;
    this.holds.set(topic, { failures, untilMs: this.nowMs() + toBackoffMs(failures, this.backoff, Math.random()) });
    return failures;
  }

  release(topic: string): void {
    this.holds.delete(topic);
  }

  /** Failed when it was tried last, whether its next try is due or not. */
  isSuspect(topic: string): boolean {
    return this.holds.has(topic);
  }

  /** Not to be tried yet. */
  waiting(): readonly string[] {
    const now = this.nowMs();
    return [...this.holds].filter(([, { untilMs }]) => untilMs > now).map(([topic]) => topic);
  }
}
