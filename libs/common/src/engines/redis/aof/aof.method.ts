import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupMethod, BackupSession, MadeBackup, OpenOptions, OutputObject } from '#common/engines/engine.js';
import { withClient } from '#common/engines/redis/client.js';
import { toAddress } from '#common/engines/redis/connection.js';
import type { NodeFacts, RedisFacts } from '#common/engines/redis/facts.js';
import { MAX_SAMPLE_BYTES, RdbCounter } from '#common/engines/redis/rdb/rdb-counter.js';
import { RdbReader } from '#common/engines/redis/rdb/rdb-reader.js';
import type { RedisDataset } from '#common/engines/redis/redis-dataset.js';
import { readIdentity, type ServerIdentity, toServerName } from '#common/engines/redis/server-identity.js';
import { findMembers, type Member } from '#common/engines/redis/topology.js';
import { AppError } from '#common/errors/app-error.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { type OpenAof, type OpenAofFile, openAof } from './aof-files.js';
import { formatAofManifest } from './aof-manifest.js';
import { AofScanner } from './aof-scanner.js';

/** The append-only files of one server: base, increments and manifest, as they are at one instant. */
export class AofMethod implements BackupMethod<RedisDataset, RedisFacts> {
  readonly name = 'aof';

  /** Throws: redis.*, config.invalid; the abort reason. */
  async open(dataset: RedisDataset, o: OpenOptions): Promise<BackupSession<RedisFacts>> {
    const { aofDirectory, connection, name } = dataset;
    if (aofDirectory === undefined || connection.mode === 'cluster') {
      const reason = aofDirectory === undefined ? 'has no aofDirectory' : 'is a cluster';
      throw new AppError('config.invalid', `dataset "${name}" ${reason}: method aof reads the files of one server`);
    }
    o.onStage?.('connect');
    const client = { signal: o.signal, name: o.applicationName ?? `holdfast aof ${name}` };
    const [member] = (await findMembers(connection, { ...client, prefer: 'master' })) as [Member];
    const identity = await withClient({ login: connection, node: member.node, ...client }, async (each) => {
      if ((await each.info('persistence')).get('aof_enabled') === '1') return readIdentity(each);
      throw new AppError(
        'redis.aof',
        `${each.address} writes no append-only file: its directory holds the past`,
        {},
        { hint: SWITCH_ON },
      );
    });
    o.onStage?.('snapshot');
    const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
    return new AofSession({
      dataset,
      member,
      identity,
      busPosition,
      open: o,
      aof: await openAof(aofDirectory, o.signal),
    });
  }

  byHand({ facts }: MadeBackup<RedisFacts>): readonly string[] {
    return [
      `# With ${toServerName(facts)} or newer of the same make. Stop the server; in its \`dir\`, where no other append-only files are:`,
      'mkdir appendonlydir',
      `mv ${facts.nodes.map(({ object }) => object).join(' ')} appendonlydir/`,
      '# `appenddirname` and `appendfilename` of its configuration must be those of the names; it has to start with the file on:',
      `${facts.server}-server /etc/redis/redis.conf --appendonly yes`,
    ];
  }
}

const SWITCH_ON = 'Run `redis-cli config set appendonly yes`, and `config rewrite` to keep it; or take method rdb.';

interface SessionParts {
  readonly dataset: RedisDataset;
  readonly member: Member;
  readonly identity: ServerIdentity;
  readonly busPosition: BusPosition | null;
  readonly open: OpenOptions;
  readonly aof: OpenAof;
}

class AofSession implements BackupSession<RedisFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools: Readonly<Record<string, string>>;
  private readonly counter = new RdbCounter();
  private readonly nodes: NodeFacts[] = [];

  constructor(private readonly parts: SessionParts) {
    this.busPosition = parts.busPosition;
    this.tools = { [parts.identity.server]: toServerName(parts.identity) };
  }

  /** Base, increments, and the manifest last. Throws: redis.*, engine.*. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { aof, open } = this.parts;
    for (const [index, file] of aof.files.entries()) {
      const isLast = index === aof.files.length - 1;
      const { bytes, facts } = await this.prepare(file, isLast);
      const chain = spawnChain(open.sealing.tail(), { signal: open.signal, input: Readable.from(bytes) });
      yield { name: file.name, stage: `aof ${index + 1}/${aof.files.length}`, stream: chain.stdout };
      await chain.ended;
      this.nodes.push(facts());
    }
    const manifest = Buffer.from(formatAofManifest(aof.files));
    yield { name: aof.manifestName, stage: 'manifest', stream: Readable.from([await open.sealing.bytes(manifest)]) };
    this.nodes.push(this.toNode(aof.manifestName, manifest.length));
  }

  async facts(): Promise<RedisFacts> {
    const { identity, dataset, aof } = this.parts;
    const { counter, nodes } = this;
    return {
      ...{ takenAt: aof.takenAt.toISOString(), ...identity, mode: dataset.connection.mode, isCounted: false },
      flavour: counter.header?.flavour ?? 'REDIS',
      rdbVersion: counter.header?.version ?? 0,
      ...{ databases: counter.databases, functions: counter.functions, samples: [], nodes, warnings: [] },
    };
  }

  close(): Promise<void> {
    return this.parts.aof.close();
  }

  private async prepare(file: OpenAofFile, isLast: boolean) {
    if (file.name.endsWith('.rdb')) {
      return { bytes: this.countBase(file), facts: () => this.toNode(file.name, file.sizeBytes) };
    }
    const { commands, wholeBytes } = await this.scan(file);
    if (wholeBytes < file.sizeBytes && !isLast) throw damaged(file.name, 'it ends within a command, and others follow');
    return { bytes: readUpTo(file, wholeBytes), facts: () => ({ ...this.toNode(file.name, wholeBytes), commands }) };
  }

  private async *countBase(file: OpenAofFile): AsyncGenerator<Buffer, void, void> {
    const reader = new RdbReader(this.counter, { what: file.name, maxValueBytes: MAX_SAMPLE_BYTES });
    for await (const chunk of readUpTo(file, file.sizeBytes)) {
      reader.push(chunk);
      yield chunk;
    }
    reader.end();
  }

  private async scan(file: OpenAofFile): Promise<AofScanner> {
    const scanner = new AofScanner();
    try {
      for await (const chunk of readUpTo(file, file.sizeBytes)) {
        this.parts.open.signal.throwIfAborted();
        scanner.push(chunk);
      }
    } catch (error) {
      throw error instanceof RangeError ? damaged(file.name, error.message) : error;
    }
    return scanner;
  }

  private toNode(object: string, sizeBytes: number): NodeFacts {
    const { member, aof } = this.parts;
    return {
      ...{ object, address: toAddress(member.node), role: member.role, slots: null, sizeBytes, memoryBytes: sizeBytes },
      ...{ replicationId: null, replicationOffset: null, takenAt: aof.takenAt.toISOString() },
      rdbVersion: object.endsWith('.rdb') ? (this.counter.header?.version ?? null) : null,
    };
  }
}

/** Without moving the position of the file: it is read more than once. */
async function* readUpTo({ handle }: OpenAofFile, end: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < end; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(256 * 1024, end - at)), {
      position: at,
    });
    if (bytesRead === 0) throw new AppError('redis.aof', `a file ends ${end - at} bytes before it did`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const damaged = (name: string, reason: string): AppError => new AppError('redis.aof', `${name} is damaged: ${reason}`);
