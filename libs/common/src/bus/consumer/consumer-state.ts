import type { TopicLook } from './look-at-topics.js';

/** What a service says of its own consumer, from memory: the answer costs nothing and waits for no broker. */
export interface ConsumerReport {
  /** A member of its group. */
  readonly isConnected: boolean;
  /** By the process's own monotonic clock; since the start when it never polled. */
  readonly sinceLastPollMs: number;
  /** Undefined before the first poll. */
  readonly lastPollAt: Date | undefined;
  /** Request topics that cannot be read, with the protocol's reason. */
  readonly unreadable: Readonly<Record<string, string>>;
  /** Requests that are there and not yet read, by topic; those of other members are not counted. */
  readonly lag: Readonly<Record<string, number>>;
}

export class ConsumerState {
  private isJoined = false;
  private polledMs = performance.now();
  private lastPollAt: Date | undefined;
  private looks: readonly TopicLook[] = [];
  private lag: Readonly<Record<string, number>> = {};

  joined(): void {
    this.isJoined = true;
  }

  left(): void {
    this.isJoined = false;
  }

  polled(): void {
    this.polledMs = performance.now();
    this.lastPollAt = new Date();
  }

  looked(looks: readonly TopicLook[], lag: Readonly<Record<string, number>>): void {
    this.looks = looks;
    this.lag = lag;
  }

  report(): ConsumerReport {
    const unreadable = this.looks.flatMap(({ name, error }) => (error === null ? [] : [[name, error] as const]));
    return {
      isConnected: this.isJoined,
      sinceLastPollMs: performance.now() - this.polledMs,
      lastPollAt: this.lastPollAt,
      unreadable: Object.fromEntries(unreadable),
      lag: this.lag,
    };
  }
}
