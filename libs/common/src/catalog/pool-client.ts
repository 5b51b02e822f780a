import pg from 'pg';
import {
  assertTarget,
  mayBePlain,
  type PgClientOptions,
  type PgRoute,
  tieDown,
  toClientConfig,
} from '#common/pg/client.js';
import { hostsOf, type PgConnection } from '#common/pg/connection.js';

type OnConnected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * The class of a pool's clients. Each goes to the route by which the last one got through; after a failure the next goes to the
 * next host, as the pool's users try again.
 */
export function toPoolClient(connection: PgConnection, first: PgRoute, o: PgClientOptions): typeof pg.Client {
  const hosts = hostsOf(connection);
  let route = first;
  const turn = (error: unknown): void => {
    if (!route.isPlain && mayBePlain(connection, error)) route = { ...route, isPlain: true };
    else if (hosts.length > 1) route = { host: nextOf(hosts, route), isPlain: false };
  };
  return class extends pg.Client {
    constructor() {
      const config = toClientConfig(connection, route, o);
      super(config);
      tieDown(this, connection, config);
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: OnConnected): void;
    override connect(callback?: OnConnected): Promise<pg.Client> | undefined {
      const connecting = this.connectToTarget();
      if (callback === undefined) return connecting;
      const done = callback as (error: Error | null, client?: pg.Client) => void;
      connecting.then((client) => done(null, client), done);
      return undefined;
    }

    private async connectToTarget(): Promise<pg.Client> {
      try {
        await super.connect();
        await assertTarget(this, connection);
        return this;
      } catch (error) {
        turn(error);
        throw error;
      }
    }
  };
}

function nextOf(hosts: ReturnType<typeof hostsOf>, { host }: PgRoute): PgRoute['host'] {
  const at = hosts.findIndex((each) => each.host === host.host && each.port === host.port);
  return hosts[(at + 1) % hosts.length] ?? host;
}
