import type { Logger } from '#common/telemetry/logger.js';

interface Step {
  readonly name: string;
  readonly close: () => Promise<unknown>;
  readonly withinMs: number;
}

/**
 * What must be ended, in the reverse of the order in which it was started: add the catalog first and the intake last, and
 * intake stops, work drains, claims go back, pools close.
 */
export class ShutdownList {
  private readonly steps: Step[] = [];
  private running: Promise<void> | undefined;

  constructor(private readonly logger: Logger) {}

  /**
   * A step that takes longer than `withinMs` is left behind, so that one that hangs does not keep the others from closing: an
   * orchestrator waits half a minute before it kills, and within it claims have to be given back.
   */
  add(name: string, close: () => Promise<unknown>, withinMs = 5_000): void {
    this.steps.push({ name, close, withinMs });
  }

  /** Every step once, one after the other; a step that fails does not stop the next. Never rejects. */
  run(reason: string): Promise<void> {
    this.running ??= this.close(reason);
    return this.running;
  }

  /** Ends the process by the list on SIGTERM or SIGINT; a second signal ends it at once. */
  endOnSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (this.running !== undefined) process.exit(1);
        void this.run(signal).then(() => process.exit(0));
      });
    }
  }

  private async close(reason: string): Promise<void> {
    this.logger.info({ reason }, 'shutting down');
    for (const { name, close, withinMs } of this.steps.reverse()) {
      const { promise: late, resolve } = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => resolve('late'), withinMs);
      try {
        if ((await Promise.race([close(), late])) === 'late')
          this.logger.warn({ step: name, withinMs }, 'closing takes too long, and is left behind');
      } catch (error) {
        this.logger.error({ step: name, err: error }, 'closing failed');
      } finally {
        clearTimeout(timer);
      }
    }
    this.logger.info({ reason }, 'shut down');
  }
}
