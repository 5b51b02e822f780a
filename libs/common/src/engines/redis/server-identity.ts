import type { RedisClient } from './client.js';

export interface ServerIdentity {
  readonly server: 'redis' | 'valkey';
  readonly version: string;
}

/** Valkey says which version of Redis it is like, and its own beside that. Throws: redis.*. */
export async function readIdentity(client: RedisClient): Promise<ServerIdentity> {
  const info = await client.info('server');
  const valkey = info.get('valkey_version');
  return valkey === undefined
    ? { server: 'redis', version: info.get('redis_version') ?? '?' }
    : { server: 'valkey', version: valkey };
}

export const toServerName = ({ server, version }: ServerIdentity): string =>
  `${server === 'valkey' ? 'Valkey' : 'Redis'} ${version}`;
