import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Exchange, forward, giveBack, giveError, halfOf, reset, type StorageAddress } from './s3-traffic.js';

/** Which requests of S3: `key` without the bucket, decoded; `query` with what stands behind the question mark. */
export interface S3Match {
  readonly method: string;
  readonly key: RegExp;
  readonly query?: RegExp;
}

/**
 * What a client gets instead of its answer. Of these the server sees nothing: `error-500`, `slow-down` (503), `reset`, `stall` (no
 * answer, ever); half: `cut-upload`; all, and does it: `cut-download`, `lose-answer` (a reset), `spoil-answer` (a 500).
 */
export type S3Fault =
  | 'error-500'
  | 'slow-down'
  | 'reset'
  | 'stall'
  | 'cut-upload'
  | 'cut-download'
  | 'lose-answer'
  | 'spoil-answer';

/** One request that stands still at the gate. */
export interface Held {
  /** Resolves when it stands there. */
  readonly reached: Promise<void>;
  /** Lets it go on, if its client still lives. In vain, or before it came, it takes the hold away. */
  release(): void;
}

/** One that the server has not seen yet. */
export interface HeldBefore extends Held {
  /**
   * Lets the server have it although its client is not there to see the answer: frozen, say. Resolves with the status when the server
   * has done it. Throws when the client is gone, and its request with it.
   */
  land(): Promise<number>;
}

/** A fault that the gate answers with. One that no request met proves nothing: look at `count`. */
export interface Answering {
  readonly reached: Promise<void>;
  readonly count: number;
  end(): void;
}

type Where = 'before' | 'after';
interface Hold {
  readonly where: Where;
  readonly match: S3Match;
  /** How many that fit are still to come, the one that is held among them. */
  left: number;
  stand(): Promise<void>;
  onEnd(status?: number): void;
}
type Plan = { readonly match: S3Match; readonly fault: S3Fault; left: number; count: number; onReached(): void };

/** An HTTP proxy in front of an S3 server, or of another server that speaks HTTP. Clients are configured with its endpoint, so what they sign fits what they send. */
export class S3Gate {
  /** `METHOD key?query` of everything that came, in order. */
  readonly seen: string[] = [];
  private holds: Hold[] = [];
  private plans: Plan[] = [];

  private constructor(
    private readonly listener: Server,
    private readonly storage: StorageAddress,
    private readonly keyOf: typeof toPath,
  ) {}

  /** `keyOf`: what the `key` of a match is held against. */
  static async open(storage: StorageAddress, keyOf = toObjectKey): Promise<S3Gate> {
    // Nothing here is in a hurry: what is held is held for as long as a spec likes.
    const listener = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000 });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const gate = new S3Gate(listener, storage, keyOf);
    listener.on('request', (fromClient, toClient) => {
      fromClient.on('error', () => undefined);
      toClient.on('error', () => undefined);
      void gate.pass({ fromClient, toClient });
    });
    return gate;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Holds the next such request, or the nth, before the server sees any of it. */
  holdBefore(match: S3Match, nth = 1): HeldBefore {
    return this.hold('before', match, nth);
  }

  /** Holds the answer to the next such request: the server has done it, and its client does not know. */
  holdAfter(match: S3Match, nth = 1): Held {
    const { reached, release } = this.hold('after', match, nth);
    return { reached, release };
  }

  /** The next such requests meet the fault, as often as said; the others pass. */
  answer(match: S3Match, fault: S3Fault, times = 1): Answering {
    const { promise: reached, resolve: onReached } = Promise.withResolvers<void>();
    const plan: Plan = { match, fault, left: times, count: 0, onReached };
    this.plans.push(plan);
    return {
      reached,
      get count() {
        return plan.count;
      },
      end: () => {
        plan.left = 0;
      },
    };
  }

  async close(): Promise<void> {
    this.listener.closeAllConnections();
    this.listener.close();
    if (this.listener.listening) await once(this.listener, 'close');
  }

  private hold(where: Where, match: S3Match, nth: number): HeldBefore {
    const { promise: reached, resolve: onReached } = Promise.withResolvers<void>();
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const { promise: ended, resolve: onEnd } = Promise.withResolvers<number | undefined>();
    const hold: Hold = {
      ...{ where, match, left: nth, onEnd },
      stand: () => {
        remove();
        onReached();
        return released;
      },
    };
    const remove = () => {
      this.holds = this.holds.filter((one) => one !== hold);
    };
    this.holds.push(hold);
    const release = (): void => {
      remove();
      resolve();
    };
    const land = async (): Promise<number> => {
      release();
      const status = await ended;
      if (status === undefined) throw new Error('the client was gone to have it stored');
      return status;
    };
    return { reached, release, land };
  }

  private async pass(exchange: Exchange): Promise<void> {
    const { fromClient, toClient } = exchange;
    this.seen.push(`${fromClient.method} ${this.keyOf(fromClient)}${toQuery(fromClient)}`);
    const held = this.findHold('before', fromClient);
    await held?.stand().then(letNewsArrive);
    // Who was killed meanwhile asks for nothing any more.
    if (toClient.destroyed || fromClient.destroyed) return held?.onEnd();
    const plan = this.findPlan(fromClient);
    if (plan !== undefined) {
      held?.onEnd();
      return this.fail(exchange, plan.fault);
    }
    const answer = await forward(exchange, this.storage);
    held?.onEnd(answer?.statusCode);
    await this.findHold('after', fromClient)?.stand();
    giveBack(exchange, answer);
  }

  private async fail(exchange: Exchange, fault: S3Fault): Promise<void> {
    const { fromClient, toClient } = exchange;
    if (fault === 'stall') return void fromClient.resume();
    if (fault === 'reset') return reset(toClient);
    if (fault === 'error-500') return giveError(exchange, 500, 'InternalError');
    if (fault === 'slow-down') return giveError(exchange, 503, 'SlowDown');
    const cut = () => reset(toClient);
    const answer = await forward(exchange, this.storage, fault === 'cut-upload' ? halfOf(fromClient, cut) : fromClient);
    if (fault === 'cut-download' && answer !== undefined) return giveBack(exchange, answer, halfOf(answer, cut));
    answer?.resume();
    if (fault === 'spoil-answer') return giveError(exchange, 500, 'InternalError');
    cut();
  }

  private findHold(where: Where, request: IncomingMessage): Hold | undefined {
    const met = this.holds.filter((hold) => hold.where === where && this.fits(hold.match, request));
    for (const hold of met) hold.left -= 1;
    return met.find(({ left }) => left <= 0);
  }

  private fits({ method, key, query }: S3Match, request: IncomingMessage): boolean {
    const isMeant = request.method === method && key.test(this.keyOf(request));
    return isMeant && (query === undefined || query.test(toQuery(request)));
  }

  private findPlan(request: IncomingMessage): Plan | undefined {
    const plan = this.plans.find(({ left, match }) => left > 0 && this.fits(match, request));
    if (plan === undefined) return undefined;
    plan.left -= 1;
    plan.count += 1;
    plan.onReached();
    return plan;
  }
}

/** That a client is gone is known to its machine at once, and to us once the event loop has heard of it. */
const letNewsArrive = (): Promise<void> => sleep(50);

/** Path style: `/bucket/key?query`. */
const toObjectKey = ({ url = '' }: IncomingMessage): string =>
  decodeURIComponent(url.replace(/\?.*$/, '').replace(/^\/[^/]*\/?/, ''));

/** For servers without buckets. */
export const toPath = ({ url = '' }: IncomingMessage): string => url.replace(/\?.*$/, '');

const toQuery = ({ url = '' }: IncomingMessage): string => /\?.*$/.exec(url)?.[0] ?? '';
