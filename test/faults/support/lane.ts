import type { Socket } from 'node:net';
import { setImmediate as nextPoll, setTimeout as sleep } from 'node:timers/promises';
import type { Hold } from './breakpoint.js';

/** What becomes of one message: it goes on as it is or changed, at once or when a breakpoint lets it. */
export interface Passing {
  readonly message: Buffer;
  readonly hold?: Hold<unknown> | undefined;
}

/** One direction of one connection: whole messages, in order, of which one may be held back with all that follow it. */
export class Lane {
  private readonly waiting: Buffer[] = [];
  private isHeld = false;
  private hasEnded = false;

  constructor(
    private readonly to: Socket,
    private readonly look: (message: Buffer) => Passing,
  ) {}

  get isHolding(): boolean {
    return this.isHeld;
  }

  push(messages: readonly Buffer[]): void {
    this.waiting.push(...messages);
    this.flush();
  }

  /** The sender has said everything; the receiver hears of it after the last message. */
  end(): void {
    this.hasEnded = true;
    this.flush();
  }

  private flush(): void {
    while (!this.isHeld) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      const { message, hold } = this.look(next);
      if (hold === undefined) this.write(message);
      else this.hold(hold, message);
    }
    if (this.hasEnded && !this.isHeld) this.to.end();
  }

  private hold(hold: Hold<unknown>, message: Buffer): void {
    this.isHeld = true;
    hold.stop(() => void this.resume(message));
  }

  private async resume(message: Buffer): Promise<void> {
    await letNewsArrive();
    this.isHeld = false;
    this.write(message);
    this.flush();
  }

  private write(message: Buffer): void {
    if (!this.to.destroyed) this.to.write(message);
  }
}

/** That the other end is dead is known to its machine at once, and to us once the event loop has heard of it. */
async function letNewsArrive(): Promise<void> {
  await sleep(20);
  await nextPoll();
}
