import type { RdbFlavour } from '#common/engines/redis/rdb/shapes.js';
import type { ServerIdentity } from '#common/engines/redis/server-identity.js';

/** From which version of the server on it writes, and reads, which version of the file. Source: rdb.h of the releases. */
const WRITTEN: Readonly<Record<ServerIdentity['server'], readonly (readonly [number, number, number])[]>> = {
  redis: [
    [7, 4, 12],
    [7, 2, 11],
    [7, 0, 10],
    [5, 0, 9],
  ],
  valkey: [
    [9, 0, 80],
    [7, 2, 11],
  ],
};

/** The newest that Redis and Valkey have in common: from there on both count by themselves. */
const COMMON = 11;

/** Whether values of such a file can be handed to the server as they are. */
export function readsVersion(
  { server, version }: ServerIdentity,
  file: { readonly rdbVersion: number; readonly flavour: RdbFlavour },
): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const own = WRITTEN[server].find(([a, b]) => major > a || (major === a && minor >= b))?.[2] ?? 8;
  if (file.rdbVersion > own) return false;
  return file.rdbVersion <= COMMON || (file.flavour === 'VALKEY') === (server === 'valkey');
}
