import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib';
import type { Command } from '#common/process/command.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { decrypt, encrypt } from './age.js';
import type { Keyring } from './keyring.js';
import { askVersion } from './program-version.js';

const toZstd = promisify(zstdCompress);
const fromZstd = promisify(zstdDecompress);
/** With a checksum, as the program writes it: a damaged file is noticed by any zstd. */
const PARAMS = { [constants.ZSTD_c_checksumFlag]: 1 };
/** What is smaller is compressed at once: 20 to 40 µs, where a thread costs 200 to begin with. */
const AT_ONCE_BYTES = 64 << 10;

/** How an object is stored: compressed first, encrypted last. */
export interface SealedForm {
  readonly compression: 'zstd' | 'none';
  readonly encryption: 'age' | 'none';
}

export interface SealingOptions {
  readonly compression: { readonly level: number; readonly threads: number };
  /** Of the repository; without any, nothing is encrypted. */
  readonly recipients: readonly string[];
}

/** What is added to the name of an object of this form. */
export const suffixOf = ({ compression, encryption }: SealedForm): string =>
  `${compression === 'zstd' ? '.zst' : ''}${encryption === 'age' ? '.age' : ''}`;

export interface SealStreamOptions {
  readonly signal: AbortSignal;
  readonly isCompressed?: boolean;
}

/** How the objects of one backup are compressed and encrypted: the same for whatever makes their bytes. */
export class Sealing {
  constructor(private readonly o: SealingOptions) {}

  get form(): SealedForm {
    return { compression: 'zstd', encryption: this.o.recipients.length === 0 ? 'none' : 'age' };
  }

  /** What is added to the name of a sealed object. */
  get suffix(): string {
    return suffixOf(this.form);
  }

  /** The programs behind the one that makes the bytes, which the kernel connects. `isCompressed`: by zstd already, at its source. */
  tail({ isCompressed = false }: { readonly isCompressed?: boolean } = {}): readonly Command[] {
    const { compression, recipients } = this.o;
    // zstd's own checksum stays on, so that a damaged file is noticed by any zstd.
    const zstd = {
      program: 'zstd',
      args: ['--quiet', '--stdout', `-${compression.level}`, `-T${compression.threads}`],
    };
    const age = { program: 'age', args: ['--encrypt', ...recipients.map((each) => `--recipient=${each}`)] };
    return [...(isCompressed ? [] : [zstd]), ...(recipients.length === 0 ? [] : [age])];
  }

  /** Bytes that no child of ours makes. The result errors as `raw` does, and ends only after every program exited 0. */
  stream(raw: Readable, { signal, isCompressed = false }: SealStreamOptions): Readable {
    const tail = this.tail({ isCompressed });
    return tail.length === 0 ? raw : spawnChain(tail, { signal, input: raw }).stdout;
  }

  /** Program → version, of the programs in `tail`. Throws: engine.spawn for one that is missing; the abort reason. */
  async versions(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const programs = this.tail().map(({ program }) => program);
    return Object.fromEntries(
      await Promise.all(programs.map(async (program) => [program, await askVersion(program, signal)] as const)),
    );
  }

  /** Some megabytes that are in memory already: compressed beside the main thread, encrypted by the program. */
  async block(raw: Uint8Array, signal: AbortSignal): Promise<Readable> {
    const compressed = Readable.from([await toZstd(raw, { params: PARAMS })]);
    return this.stream(compressed, { signal, isCompressed: true });
  }

  /** A few kilobytes, sealed in this process: two programs less to start for every backup. */
  async bytes(raw: Uint8Array): Promise<Uint8Array> {
    const o = { params: PARAMS, pledgedSrcSize: raw.length };
    const compressed = raw.length <= AT_ONCE_BYTES ? zstdCompressSync(raw, o) : await toZstd(raw, o);
    return this.o.recipients.length === 0 ? compressed : encrypt(compressed, this.o.recipients);
  }
}

/**
 * age reads identities from a file only, and a secret belongs into no file of ours and no argument: the shell takes it from the
 * environment and hands it over by a pipe. Standard input stays what it was: the sealed bytes.
 */
const DECRYPT = `exec 4<&0; printf '%s\\n' "$IDENTITIES" | { unset IDENTITIES; exec 3<&0 0<&4 4<&-; exec age --decrypt --identity /dev/fd/3 --output "$1"; }`;

/** The programs that undo a sealing, from sealed bytes on standard input to raw ones in `file`, by default standard output. */
export function toUnsealing(form: SealedForm, keyring: Keyring, file?: string): readonly Command[] {
  const { compression, encryption } = form;
  const decrypted = compression === 'zstd' ? undefined : file;
  const age = {
    program: 'sh',
    args: ['-c', DECRYPT, 'sh', decrypted ?? '-'],
    env: { IDENTITIES: keyring.identities.join('\n') },
  };
  const output = file === undefined ? ['--stdout'] : ['--force', '-o', file];
  const zstd = { program: 'zstd', args: ['--decompress', '--quiet', ...output] };
  return [...(encryption === 'age' ? [age] : []), ...(compression === 'zstd' ? [zstd] : [])];
}

/** A small object, opened in this process. Throws whatever zlib and age throw for damaged bytes. */
export async function unsealBytes(sealed: Uint8Array, form: SealedForm, keyring: Keyring): Promise<Uint8Array> {
  const compressed = form.encryption === 'age' ? await decrypt(sealed, keyring.identities) : sealed;
  return form.compression === 'zstd' ? fromZstd(compressed) : compressed;
}
