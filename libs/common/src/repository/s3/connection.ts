import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { toBackoffMs } from '#common/domain/backoff.js';
import { isConditionUnknown, isRefused, isTransient, statusOf, toS3RepositoryError } from './errors.js';
import type { PartPlan } from './parts.js';

/** Every refusal moves the offset that a client keeps by parts of a second: only a jump is another clock. S3 allows 15 minutes. */
const MOVED_MS = 60_000;

export interface S3ConnectionOptions {
  readonly bucket: string;
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly forcePathStyle: boolean;
  readonly keys: S3Keys | undefined;
  readonly parts: PartPlan;
}

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A server that never answered is probably named wrong: say so soon. One that did is waited for, about 50 seconds. */
const TRIES_BEFORE_FIRST_ANSWER = 3;
const TRIES = 10;
/** A connection on which nothing moves for so long is given up. */
const STALL_MS = 30_000;
const BACKOFF = { firstMs: 200, maxMs: 10_000 };

/** One bucket of one server, with its retries and its errors as ours. */
export class S3Connection {
  readonly bucket: string;
  /** For people, without keys. */
  readonly place: string;
  /** How the server wants large objects cut. */
  readonly parts: PartPlan;
  /** For what a server may work on for long without a byte: putting many parts together. */
  readonly slowClient: S3Client;
  private readonly client: S3Client;
  private hasAnswered = false;
  private hasBucket = false;
  private lacksConditions = false;

  constructor(o: S3ConnectionOptions) {
    this.bucket = o.bucket;
    this.place = o.endpoint ?? `Amazon S3 in ${o.region}`;
    this.parts = o.parts;
    this.client = createClient(o, STALL_MS);
    this.slowClient = createClient(o, 60 * STALL_MS);
  }

  /**
   * Sends one request until it is answered or its failure is final. `call` may run several times.
   * Throws: the abort reason; repository.*. `what` names the request in errors.
   */
  async request<T>(
    what: string,
    signal: AbortSignal,
    call: (client: S3Client, o: { abortSignal: AbortSignal }, tries: number) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      const offsets = this.clockOffsets();
      try {
        const answer = await call(this.client, { abortSignal: signal }, tries);
        this.hasAnswered = true;
        this.hasBucket = true;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (statusOf(error) !== undefined) this.hasAnswered = true;
        if (!this.mayPass(error, offsets) || tries >= (this.hasAnswered ? TRIES : TRIES_BEFORE_FIRST_ANSWER)) {
          throw toS3RepositoryError(error, what);
        }
        await pause(toBackoffMs(tries, BACKOFF, Math.random()), signal);
      }
    }
  }

  /** Asks the server to refuse to replace. One that knows no conditions is asked without: the caller has looked before. */
  async conditionally<T>(ifAbsent: boolean, send: (condition: { IfNoneMatch?: '*' }) => Promise<T>): Promise<T> {
    if (!ifAbsent || this.lacksConditions) return send({});
    try {
      return await send({ IfNoneMatch: '*' });
    } catch (error) {
      if (!isConditionUnknown(error)) throw error;
      const answer = await send({});
      this.lacksConditions = true;
      return answer;
    }
  }

  /** HEAD has no body that could tell a missing object from a missing bucket or an unknown key: ask once. Throws: repository.*. */
  async requireBucket(signal: AbortSignal): Promise<void> {
    if (!this.hasBucket) await this.requireListing(signal);
  }

  /** A refused listing says why, where a refused HEAD could not. Throws: repository.*. */
  async requireListing(signal: AbortSignal): Promise<void> {
    const input = { Bucket: this.bucket, MaxKeys: 1 };
    await this.request(`find bucket ${this.bucket}`, signal, (client, o) =>
      client.send(new ListObjectsV2Command(input), o),
    );
  }

  close(): void {
    this.client.destroy();
    this.slowClient.destroy();
  }

  /** The same request may succeed a moment later: also one that was refused because our clock had been moved, and now is signed anew. */
  private mayPass(error: unknown, before: readonly number[]): boolean {
    const hasMoved = this.clockOffsets().some(
      (offsetMs, index) => Math.abs(offsetMs - (before[index] ?? 0)) > MOVED_MS,
    );
    return isTransient(error) || (isRefused(error) && hasMoved);
  }

  /** How far our clock is from the server's, as the clients last saw it. A refused HEAD has no body that could tell the reason. */
  private clockOffsets(): readonly number[] {
    return [this.client.config.systemClockOffset, this.slowClient.config.systemClockOffset];
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  // The rejection of an aborted sleep is not its reason; the caller looks at the signal next.
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}

function createClient({ endpoint, region, forcePathStyle, keys }: S3ConnectionOptions, stallMs: number): S3Client {
  const client = new S3Client({
    region,
    forcePathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined ? {} : { credentials: keys }),
    // Newer SDKs add checksums by default that several S3 servers reject. Ours: MD5 per part on the wire, SHA-256 of the whole.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Some servers never send "100 Continue".
    expectContinueHeader: false,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: stallMs },
  });
  client.middlewareStack.add(sendPayloadUnsigned, { step: 'build', name: 'holdfastUnsignedPayload', priority: 'low' });
  return client;
}

interface OutgoingRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, unknown>;
}

/** Signing a payload digests it once more (100 MB/s and core); the signed Content-MD5 guards the same bytes for less. */
const sendPayloadUnsigned =
  <I, O>(next: (args: { input: I; request: unknown }) => Promise<O>) =>
  (args: { input: I; request: unknown }): Promise<O> => {
    const { headers } = args.request as OutgoingRequest;
    if (headers['content-md5'] !== undefined) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
    return next(args);
  };
