import { RedisClient } from '#common/engines/redis/client.js';
import type { RedisConnection } from '#common/engines/redis/connection.js';
import { findMembers, type Member } from '#common/engines/redis/topology.js';
import { slotOf } from './slot.js';

export interface TargetServer {
  readonly member: Member;
  readonly client: RedisClient;
}

/** One connection to every master of a target. Closing them ends all that can still be written by them. */
export class TargetServers {
  /** Resolves when one of the connections ended, at either end. */
  readonly whenClosed: Promise<void>;
  private readonly bySlot = new Map<number, RedisClient>();

  private constructor(readonly servers: readonly [TargetServer, ...TargetServer[]]) {
    this.whenClosed = Promise.race(servers.map(({ client }) => client.whenClosed));
    for (const { member, client } of servers) {
      for (const [first, last] of member.slots)
        for (let slot = first; slot <= last; slot += 1) this.bySlot.set(slot, client);
    }
  }

  /** Throws: redis.*; the abort reason. */
  static async open(
    connection: RedisConnection,
    o: { readonly signal: AbortSignal; readonly name: string },
  ): Promise<TargetServers> {
    const members = await findMembers(connection, { ...o, prefer: 'master' });
    const servers: TargetServer[] = [];
    try {
      for (const member of members)
        servers.push({ member, client: await RedisClient.open(connection, member.node, o) });
      return new TargetServers(servers as [TargetServer, ...TargetServer[]]);
    } catch (error) {
      for (const { client } of servers) client.close();
      throw error;
    }
  }

  get isCluster(): boolean {
    return this.servers[0].member.slots.length > 0;
  }

  get clients(): readonly RedisClient[] {
    return this.servers.map(({ client }) => client);
  }

  /** The first one: of a cluster, the one with slot 0. */
  get first(): RedisClient {
    return this.servers[0].client;
  }

  clientOf(key: Buffer): RedisClient {
    return this.isCluster ? (this.bySlot.get(slotOf(key)) ?? this.first) : this.first;
  }

  /** Idempotent. */
  close(): void {
    for (const { client } of this.servers) client.close();
  }
}

export async function withTarget<T>(
  connection: RedisConnection,
  o: { readonly signal: AbortSignal; readonly name: string },
  use: (servers: TargetServers) => Promise<T>,
): Promise<T> {
  const servers = await TargetServers.open(connection, o);
  try {
    return await use(servers);
  } finally {
    servers.close();
  }
}
