import { parseSegmentName, toSegmentName } from '#common/domain/wal.js';
import { type ArchivedCluster, fetchFile } from './fetch-file.js';
import { type NamedFile, parseFileName } from './pushed-file.js';

/** What waits for its request at most, in memory: six segments of the usual size. */
const AHEAD_BYTES = 96 << 20;
const MOST_AHEAD = 6;
/** A server that did not ask for so long will not. */
const UNUSED_MS = 60_000;

interface Waiting {
  readonly file: Promise<Buffer | undefined>;
  readonly stop: AbortController;
  readonly timer: NodeJS.Timeout;
}

/**
 * Reads the segments that follow the one a server asks for, several at a time: a recovery asks for one after the other. What was not there
 * when it was read ahead, or failed, is asked for again when its turn comes.
 */
export class ReadAhead {
  private readonly waiting = new Map<string, Waiting>();

  /** Throws as `fetchFile` does. */
  async fetch(cluster: ArchivedCluster, file: NamedFile, signal: AbortSignal): Promise<Buffer | undefined> {
    const key = keyOf(cluster, file.name);
    const ahead = this.waiting.get(key);
    if (ahead === undefined && file.kind === 'segment') this.forgetAll(cluster);
    if (file.kind === 'segment') this.readFollowing(cluster, file);
    this.forget(key, false);
    const found = await ahead?.file.catch(() => undefined);
    signal.throwIfAborted();
    return found ?? (await fetchFile(cluster, file, signal));
  }

  private readFollowing(cluster: ArchivedCluster, { name }: NamedFile): void {
    const { segmentBytes } = cluster;
    const place = parseSegmentName(name, segmentBytes);
    if (place === undefined) return;
    const count = Math.max(1, Math.min(MOST_AHEAD, Math.floor(AHEAD_BYTES / segmentBytes)));
    for (let step = 1; step <= count; step += 1) {
      const next = parseFileName(toSegmentName(place.timeline, place.number + BigInt(step), segmentBytes));
      if (next !== undefined) this.read(cluster, next);
    }
  }

  private read(cluster: ArchivedCluster, file: NamedFile): void {
    const key = keyOf(cluster, file.name);
    if (this.waiting.has(key)) return;
    const stop = new AbortController();
    const reading = fetchFile(cluster, file, stop.signal);
    const timer = setTimeout(() => this.forget(key, true), UNUSED_MS).unref();
    this.waiting.set(key, { file: reading, stop, timer });
    // What is not there yet may be there when its turn comes.
    reading.then(
      (found) => found === undefined && this.forget(key, false),
      () => this.forget(key, false),
    );
  }

  private forget(key: string, isUnused: boolean): void {
    const known = this.waiting.get(key);
    if (known === undefined) return;
    this.waiting.delete(key);
    clearTimeout(known.timer);
    if (isUnused) known.stop.abort(new Error('it was not asked for'));
  }

  /** The server goes elsewhere. */
  private forgetAll({ systemId }: ArchivedCluster): void {
    for (const key of [...this.waiting.keys()]) if (key.startsWith(`${systemId}/`)) this.forget(key, true);
  }
}

const keyOf = ({ systemId, place }: ArchivedCluster, name: string): string =>
  `${systemId}/${place.dataset.name}/${name}`;
