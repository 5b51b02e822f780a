import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupMethod, BackupSession, OpenOptions, OutputObject } from '#common/engines/engine.js';
import { withClient } from '#common/engines/redis/client.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import type { RedisDataset } from '#common/engines/redis/redis-dataset.js';
import { readIdentity, type ServerIdentity, toServerName } from '#common/engines/redis/server-identity.js';
import { findMembers, type Member, toTopologyText } from '#common/engines/redis/topology.js';
import { AppError } from '#common/errors/app-error.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import { toFacts } from './merge-facts.js';
import { toCommandsByHand } from './rdb-by-hand.js';
import { RdbNode } from './rdb-node.js';
import { openSnapshot, type Snapshot } from './replication.js';

/** A snapshot over the replication protocol: no access to the disk of the server, and no file on it. */
export class RdbMethod implements BackupMethod<RedisDataset, RedisFacts> {
  readonly name = 'rdb';
  readonly byHand = toCommandsByHand;

  /** Throws: redis.*, config.invalid; the abort reason. */
  async open(dataset: RedisDataset, o: OpenOptions): Promise<BackupSession<RedisFacts>> {
    const { connection } = dataset;
    o.onStage?.('connect');
    const client = { signal: o.signal, name: o.applicationName ?? `holdfast rdb ${dataset.name}` };
    const list = () => findMembers(connection, { ...client, prefer: 'replica' });
    const members = await list();
    const [first] = members as [Member];
    const identity = await withClient({ login: connection, node: first.node, ...client }, readIdentity);
    o.onStage?.('snapshot');
    const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const snapshotOf = ({ node }: Member) => openSnapshot(connection, node, { signal, version: identity.version });
    const begun = await snapshotOf(first);
    return new RdbSession({ dataset, members, identity, list, begun, snapshotOf, busPosition, stop, signal, open: o });
  }
}

interface SessionParts {
  readonly dataset: RedisDataset;
  readonly members: readonly Member[];
  readonly identity: ServerIdentity;
  readonly list: () => Promise<readonly Member[]>;
  /** Of the first member: its snapshot is fixed. */
  readonly begun: Snapshot;
  readonly snapshotOf: (member: Member) => Promise<Snapshot>;
  readonly busPosition: BusPosition | null;
  readonly stop: AbortController;
  readonly signal: AbortSignal;
  readonly open: OpenOptions;
}

class RdbSession implements BackupSession<RedisFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools: Readonly<Record<string, string>>;
  private readonly nodes: RdbNode[] = [];

  constructor(private readonly parts: SessionParts) {
    this.busPosition = parts.busPosition;
    this.tools = { [parts.identity.server]: toServerName(parts.identity) };
  }

  /** One after another: the server of the next is asked when the one before is whole. Throws: redis.*, engine.*. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { dataset, members, begun, snapshotOf, signal, open } = this.parts;
    for (const [index, member] of members.entries()) {
      const snapshot = index === 0 ? begun : await snapshotOf(member);
      const name = members.length === 1 ? 'dump.rdb' : `dump-${index + 1}.rdb`;
      const node = new RdbNode(member, name, dataset.only);
      const input = Readable.from(node.count(snapshot.bytes()));
      const chain = spawnChain(open.sealing.tail(), { signal, input });
      yield { name, stage: members.length === 1 ? 'rdb' : `rdb ${index + 1}/${members.length}`, stream: chain.stdout };
      await chain.ended;
      this.nodes.push(node);
    }
  }

  /** Throws: redis.changing when a cluster moved slots or changed its masters meanwhile. */
  async facts(): Promise<RedisFacts> {
    const { dataset, members, identity, list } = this.parts;
    const { mode } = dataset.connection;
    if (mode === 'cluster' && toTopologyText(await list()) !== toTopologyText(members)) {
      throw new AppError('redis.changing', 'the cluster changed its masters or moved slots while it was backed up');
    }
    return toFacts(this.nodes, { ...identity, mode });
  }

  async close(): Promise<void> {
    this.parts.stop.abort(new Error('the backup was closed'));
    this.parts.begun.close();
  }
}
