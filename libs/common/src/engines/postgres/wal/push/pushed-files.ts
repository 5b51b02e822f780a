import type { LocalFile, PushedBody } from '#common/engines/local-desk.js';

/** Files that are remembered: the server asks for each once more, soon. */
const MOST = 256;

/** What is being stored or was stored a moment ago, by the identity of its file: its bytes need not come a second time. */
export class PushedFiles {
  private readonly known = new Map<string, Promise<void>>();

  /** Whether the repository has it, or, for a push that is ahead, is about to have it. One that failed is as unknown as one that never came. */
  async has(file: LocalFile, body: PushedBody, signal: AbortSignal): Promise<boolean> {
    const storing = this.known.get(keyOf(file, body));
    if (body.identity === undefined || storing === undefined) return false;
    if (body.isAhead) return true;
    const isStored = storing.then(
      () => true,
      () => false,
    );
    const gone = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    return Promise.race([isStored, gone]);
  }

  add(file: LocalFile, body: PushedBody, storing: Promise<void>): Promise<void> {
    if (body.identity === undefined) return storing;
    const key = keyOf(file, body);
    this.known.set(key, storing);
    storing.catch(() => this.known.get(key) === storing && this.known.delete(key));
    for (const oldest of [...this.known.keys()].slice(0, -MOST)) this.known.delete(oldest);
    return storing;
  }
}

const keyOf = ({ source, name }: LocalFile, { identity = '', sizeBytes }: PushedBody): string =>
  `${source}/${name}/${sizeBytes}/${identity}`;
