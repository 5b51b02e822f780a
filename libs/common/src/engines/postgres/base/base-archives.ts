import { Readable } from 'node:stream';
import { AppError } from '#common/errors/app-error.js';

/** One file of a base backup, in the order in which the server sends them. */
export interface BaseArchive {
  /** As the server calls it, without what it appends for compression: `base.tar`, `16385.tar`; `backup_manifest`. */
  readonly name: string;
  /** Where the tablespace lies on the server; empty for the data directory itself. */
  readonly location: string;
  /** Must be read to its end before the next archive is asked for. */
  readonly stream: Readable;
}

export const MANIFEST = 'backup_manifest';

/**
 * Takes the one stream of a base backup apart into its files. Source: PostgreSQL "Streaming Replication Protocol", BASE_BACKUP:
 * every message begins with a letter, `n` new archive, `m` manifest, `d` data, `p` progress. `onUnpacked`: how much has come so far, as the server
 * counts before it compresses.
 */
export async function* splitArchives(
  messages: AsyncGenerator<Buffer, void, void>,
  onUnpacked: (bytes: number) => void,
): AsyncGenerator<BaseArchive, void, void> {
  const take = (): Promise<Buffer | undefined> => takeNext(messages, onUnpacked);
  let next = await take();
  /** Until the file ends; what begins the next is kept. */
  async function* contents(): AsyncGenerator<Buffer, void, void> {
    for (next = await take(); next !== undefined; next = await take()) {
      const kind = kindOf(next);
      if (kind === 'n' || kind === 'm') return;
      if (kind === 'd') yield next.subarray(1);
    }
  }
  while (next !== undefined) {
    const kind = kindOf(next);
    if (kind !== 'n' && kind !== 'm') throw unreadable(`begins a file with "${kind}"`);
    const head: { name: string; location: string } = kind === 'm' ? { name: MANIFEST, location: '' } : toHead(next);
    const begun: Buffer = next;
    yield { ...head, stream: Readable.from(contents(), { objectMode: false }) };
    if (next === begun) throw new AppError('internal.bug', `${head.name} was not read to its end`);
  }
}

async function takeNext(
  messages: AsyncGenerator<Buffer, void, void>,
  onUnpacked: (bytes: number) => void,
): Promise<Buffer | undefined> {
  for (;;) {
    const { value, done } = await messages.next();
    if (done || value === undefined) return undefined;
    if (kindOf(value) !== 'p') return value;
    onUnpacked(Number(value.readBigInt64BE(1)));
  }
}

const kindOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0);

function toHead(message: Buffer): { name: string; location: string } {
  const [name = '', location = ''] = message.toString('utf8', 1).split('\0');
  const plain = name.replace(/[.]zst$/, '');
  if (/^(?:base|\d+)[.]tar$/.test(plain)) return { name: plain, location };
  throw unreadable(`names a file ${JSON.stringify(name)}`);
}

const unreadable = (what: string): AppError =>
  new AppError('engine.output', `the server ${what} in the middle of a base backup`);
