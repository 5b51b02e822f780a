import { type AppName, AppProcess } from '#tools/platform/app-process.js';
import { endpoints } from '#tools/services/endpoints.js';
import { KafkaGate } from './kafka-gate.js';
import { PgGate } from './pg-gate.js';
import { descendantsOf, type LivingProcess } from './process-tree.js';
import { RedisGate } from './redis-gate.js';
import { S3Gate, toPath } from './s3-gate.js';

/** One app's own doors to everything else: what it says can be held there, what others say is not touched. */
export interface Gates {
  readonly catalog: PgGate;
  /** The servers of the datasets `shop` and `bulk`. */
  readonly source: PgGate;
  readonly target: PgGate;
  readonly storage: S3Gate;
  readonly bus: KafkaGate;
  /** Where the surroundings have a cache. */
  readonly cache?: RedisGate;
  /** Where they have a search server. */
  readonly search?: S3Gate;
}

/** Where the real services are; a spec with a broker or a catalog of its own says so. */
export interface Surroundings {
  readonly catalog: { readonly host: string; readonly port: number };
  readonly bus: { readonly host: string; readonly port: number };
  readonly cache?: { readonly host: string; readonly port: number };
  readonly search?: { readonly host: string; readonly port: number };
}

export async function openGates({ catalog, bus, cache, search }: Surroundings): Promise<Gates> {
  const { postgres18, s3 } = endpoints;
  const [first, source, target] = [PgGate.open(catalog), PgGate.open(postgres18), PgGate.open(postgres18)];
  const [storage, kafka] = [S3Gate.open(s3), KafkaGate.open(bus)];
  const others = {
    ...(cache === undefined ? {} : { cache: await RedisGate.open(cache) }),
    ...(search === undefined ? {} : { search: await S3Gate.open(search, toPath) }),
  };
  return {
    ...others,
    ...{ catalog: await first, source: await source, target: await target, storage: await storage, bus: await kafka },
  };
}

/** One process of one app, with its gates. */
export class Replica {
  /** What it had started when it was killed. */
  orphans: readonly LivingProcess[] = [];

  constructor(
    readonly name: AppName,
    readonly app: AppProcess,
    readonly gates: Gates,
  ) {}

  static start(name: AppName, gates: Gates, options: { configFile: string; env: Record<string, string> }): Replica {
    return new Replica(name, AppProcess.start(name, options), gates);
  }

  ready(): Promise<void> {
    return this.app.ready();
  }

  /** SIGKILL, as the kernel's out-of-memory killer would: of this process alone, its children live on. Returns by performance.now(). */
  async kill(): Promise<number> {
    this.orphans = await descendantsOf(this.app.pid);
    const killedAtMs = performance.now();
    await this.app.kill();
    return killedAtMs;
  }

  /** Politely. */
  stop(): Promise<number | string> {
    return this.app.stop();
  }

  async closeGates(): Promise<void> {
    await Promise.all(Object.values(this.gates).map((gate: { close(): Promise<void> }) => gate.close()));
  }
}
