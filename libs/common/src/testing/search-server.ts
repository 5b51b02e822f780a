import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import { findBinary } from '#tools/services/meilisearch-binary.js';
import { findFreePort } from './free-port.js';

const STAND_IN = fileURLToPath(new URL('../../../../tools/services/search-stand-in/main.js', import.meta.url));
const KEY = 'a-master-key-of-one-spec';

/** What a server without a database begins with. */
export interface ImportedFile {
  readonly kind: 'dump' | 'snapshot';
  readonly path: string;
}

/** A Meilisearch of one spec, or its stand-in, in a folder and on a port of its own. */
export class SearchServer {
  private constructor(
    readonly folder: string,
    private readonly port: number,
    private readonly chain: Chain,
    private readonly ending: AbortController,
  ) {}

  /** Resolves when it answers. */
  static async start(imported?: ImportedFile): Promise<SearchServer> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-search-'));
    const [found, port] = [await findBinary(), await findFreePort()];
    const begin = imported === undefined ? [] : [`--import-${imported.kind}`, imported.path];
    const folders = ['--dump-dir', join(folder, 'dumps'), '--snapshot-dir', join(folder, 'snapshots'), ...begin];
    const real = ['--http-addr', `127.0.0.1:${port}`, '--env', 'development', '--no-analytics'];
    const { program, args } =
      'file' in found
        ? { program: found.file, args: [...real, '--db-path', join(folder, 'db'), ...folders] }
        : {
            program: process.execPath,
            args: [STAND_IN, '--port', String(port), '--folder', join(folder, 'db'), ...folders],
          };
    const ending = new AbortController();
    const env = { ...process.env, MEILI_MASTER_KEY: KEY };
    const chain = spawnChain([{ program, args, env }], { signal: ending.signal, killAfterMs: 5_000 });
    chain.stdout.resume();
    const server = new SearchServer(folder, port, chain, ending);
    await server.untilUp();
    return server;
  }

  /** As holdfast.yaml says it. */
  get options(): { readonly url: string; readonly apiKey: string } {
    return { url: `http://127.0.0.1:${this.port}`, apiKey: KEY };
  }

  /** Where it writes dumps. */
  get dumps(): string {
    return join(this.folder, 'dumps');
  }

  get client(): MeilisearchClient {
    return new MeilisearchClient(this.options, new AbortController().signal);
  }

  async stop(): Promise<void> {
    this.ending.abort(new Error('the spec is over'));
    await this.chain.ended.catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async untilUp(): Promise<void> {
    for (let tries = 0; tries < 400; tries += 1) {
      const answer = await fetch(`${this.options.url}/health`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(50);
    }
    await this.stop();
    throw new Error('the search server does not answer');
  }
}
