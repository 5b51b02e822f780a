import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endpoints } from '#tools/services/endpoints.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** A bucket of the shop's own, for shops live side by side. */
const toBucketName = (database: string): string => `${database.replaceAll('_', '-')}-media`;

export type Service = { ready: Record<string, unknown>; stop(): Promise<number | null> };

/** The shop's own program as a person runs it: its verbs and services, as child processes with one environment. */
export class ShopUnderTest {
  private readonly running = new Set<ChildProcess>();

  readonly env: Record<string, string>;

  /** The development services of this checkout, wherever their ports are, unless the environment names others. */
  constructor(env: Record<string, string>) {
    const { postgres18, kafka, meilisearch, s3 } = endpoints;
    const services = { SHOP_ADMIN_URL: postgres18.url, KAFKA_BROKERS: kafka.bootstrap, MEILI_URL: meilisearch.url };
    const keys = { S3_ACCESS_KEY: s3.accessKeyId, S3_SECRET_KEY: s3.secretAccessKey };
    const media = { S3_ENDPOINT: s3.endpoint, ...keys, SHOP_BUCKET: toBucketName(env['SHOP_DATABASE'] ?? 'shop') };
    this.env = { ...services, ...media, MEILI_KEY: meilisearch.masterKey, ...env };
  }

  /** Runs one verb; returns its JSON result. Throws with the log's end when it fails. */
  async run<T>(...args: string[]): Promise<T> {
    const child = this.spawn(args);
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk) => (output.stdout += chunk));
    child.stderr?.on('data', (chunk) => (output.stderr += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`shop ${args.join(' ')} exited ${code}: ${output.stderr.slice(-1_000)}`);
    return JSON.parse(output.stdout) as T;
  }

  /** Starts `serve` or `project` and waits for its ready line. `onLog` sees every line of its log. */
  async start(verb: 'serve' | 'project', onLog: (line: string) => void = () => undefined): Promise<Service> {
    const child = this.spawn([verb]);
    const log: string[] = [];
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      log.push(line);
      onLog(line);
    });
    const exited = once(child, 'close').then(([code]) => code as number | null);
    const ready = once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line');
    const first = await Promise.race([ready, exited]);
    if (!Array.isArray(first)) throw new Error(`shop ${verb} ended before it was ready: ${log.slice(-5).join('\n')}`);
    return {
      ready: JSON.parse(first[0] as string),
      stop: () => {
        child.kill('SIGTERM');
        return exited;
      },
    };
  }

  /** Politely: a projector that is killed stays in its consumer group until its session expires. */
  async stopAll(): Promise<void> {
    const ended = [...this.running].map((child) => once(child, 'close'));
    for (const child of this.running) child.kill('SIGTERM');
    await Promise.all(ended);
  }

  private spawn(args: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.running.add(child);
    child.once('close', () => this.running.delete(child));
    return child;
  }
}
