import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import type { RedisConnection } from '#common/engines/redis/connection.js';
import { AppError } from '#common/errors/app-error.js';
import { takeTurn, toSessionName } from './restore-sessions.js';
import { TargetServers } from './target-servers.js';

/** The connections that a restore writes by are its fence: their end is the end of all that the restore can still do. */
export class RedisFence implements Fence {
  readonly whenLost: Promise<Error>;
  private isClosed = false;

  private constructor(readonly servers: TargetServers) {
    this.whenLost = servers.whenClosed.then(
      () =>
        new Promise<Error>((resolve) => {
          const { address } = servers.first;
          if (!this.isClosed) resolve(new AppError('redis.unreachable', `a connection to ${address} was ended`));
        }),
    );
  }

  /** Throws: restore.busy, claim.lost, redis.*. */
  static async open(
    connection: RedisConnection,
    destination: string,
    o: FenceOptions & { readonly identity: AttemptIdentity },
  ): Promise<RedisFence> {
    const name = toSessionName(destination, o.identity);
    const servers = await TargetServers.open(connection, { signal: o.signal, name });
    try {
      await takeTurn(servers, destination, o.identity, o);
      return new RedisFence(servers);
    } catch (error) {
      servers.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.servers.close();
  }
}
