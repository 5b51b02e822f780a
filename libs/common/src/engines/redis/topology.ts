import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { type ClientOptions, RedisClient, withClient } from './client.js';
import { type RedisConnection, type RedisNode, toAddress } from './connection.js';

/** A server that a snapshot is taken of, or that keys go to. */
export interface Member {
  readonly node: RedisNode;
  readonly role: 'master' | 'replica';
  /** Of a cluster: first and last of each range. */
  readonly slots: readonly (readonly [number, number])[];
}

export const SLOTS = 16_384;

/** Which servers hold the data. Throws: redis.*. */
export async function findMembers(
  connection: RedisConnection,
  o: ClientOptions & { readonly prefer: 'master' | 'replica' },
): Promise<readonly Member[]> {
  if (connection.mode === 'sentinel') return [await findBySentinel(connection, o)];
  if (connection.mode === 'cluster') return withAnyNode(connection, o, readCluster);
  const node = connection.nodes[0] as RedisNode;
  const role = await withClient({ login: connection, node, ...o }, readRole);
  return [{ node, role, slots: [] }];
}

async function readRole(client: RedisClient): Promise<Member['role']> {
  const info = await client.info('replication');
  return info.get('role') === 'slave' ? 'replica' : 'master';
}

/** The first of its nodes that answers. Throws what the last one threw. */
export async function withAnyNode<T>(
  connection: RedisConnection,
  o: ClientOptions,
  use: (client: RedisClient) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  const login = connection.sentinel === undefined ? connection : { tls: connection.tls, ...connection.sentinel };
  for (const node of connection.nodes) {
    const client = await RedisClient.open(login, node, o).catch((error) => {
      failure = error;
      return undefined;
    });
    o.signal.throwIfAborted();
    if (client === undefined) continue;
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }
  throw failure;
}

async function findBySentinel(
  connection: RedisConnection,
  o: ClientOptions & { readonly prefer: 'master' | 'replica' },
): Promise<Member> {
  const name = connection.sentinel?.masterName ?? '';
  return withAnyNode(connection, o, async (sentinel) => {
    const address = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as [string, string] | null;
    if (address === null) {
      const message = `the Sentinel at ${sentinel.address} knows no master "${name}"`;
      throw new AppError('config.invalid', message, { masterName: name });
    }
    const master: Member = { node: { host: address[0], port: Number(address[1]) }, role: 'master', slots: [] };
    const replicas = o.prefer === 'replica' ? await listReplicas(sentinel, name) : [];
    for (const node of replicas) {
      // A replica that has lost its master holds the past.
      if (await isInSync(connection, node, o)) return { node, role: 'replica', slots: [] };
    }
    return master;
  });
}

async function listReplicas(sentinel: RedisClient, name: string): Promise<RedisNode[]> {
  const answer = (await sentinel.call('SENTINEL', 'REPLICAS', name)) as readonly (readonly string[])[];
  return answer.map(toRecord).flatMap(({ ip, port, flags }) => {
    const isUp = flags === 'slave';
    return isUp && ip !== undefined && port !== undefined ? [{ host: ip, port: Number(port) }] : [];
  });
}

async function isInSync(connection: RedisConnection, node: RedisNode, o: ClientOptions): Promise<boolean> {
  const asked = withClient({ login: connection, node, ...o }, async (client) => {
    const info = await client.info('replication');
    return info.get('role') === 'slave' && info.get('master_link_status') === 'up';
  });
  return asked.catch(() => {
    o.signal.throwIfAborted();
    return false;
  });
}

function toRecord(pairs: readonly string[]): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(pairs.flatMap((name, at) => (at % 2 === 0 ? [[name, pairs[at + 1]]] : [])));
}

/** Every master with its slots. Throws: redis.changing for a cluster that lacks slots, or moves some. */
async function readCluster(client: RedisClient): Promise<readonly Member[]> {
  const lines = toText(await client.call('CLUSTER', 'NODES')).split('\n');
  const members = lines.filter((line) => line.trim() !== '').flatMap((line) => toMaster(line, client));
  const covered = members.flatMap(({ slots }) => slots).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (covered !== SLOTS) {
    const message = `the cluster at ${client.address} serves ${covered} of ${SLOTS} slots`;
    throw new AppError('redis.changing', message, { covered });
  }
  return members.toSorted((a, b) => (a.slots[0]?.[0] ?? 0) - (b.slots[0]?.[0] ?? 0));
}

/** `id ip:port@bus[,name] flags master ping pong epoch state slot…`; a slot that moves stands in brackets. */
function toMaster(line: string, client: RedisClient): Member[] {
  const [, address = '', flags = '', , , , , , ...slots] = line.trim().split(' ');
  const states = flags.split(',');
  if (!states.includes('master') || slots.length === 0) return [];
  if (slots.some((slot) => slot.startsWith('[')))
    throw new AppError('redis.changing', `the cluster at ${client.address} is moving slots`);
  if (states.some((state) => state.startsWith('fail')))
    throw new AppError('redis.changing', `the cluster at ${client.address} has lost its master ${address}`);
  const [endpoint = ''] = address.split(',');
  const [, host = '', port = ''] = /^(.*):(\d+)@\d+$/.exec(endpoint) ?? [];
  return [
    {
      // A node that knows no address of its own is the one that was asked.
      node: { host: host === '' ? client.node.host : host, port: Number(port) },
      role: 'master',
      slots: slots.map((range) => {
        const [first = 0, last = first] = range.split('-').map(Number);
        return [first, last] as const;
      }),
    },
  ];
}

export const toSlotText = ({ slots }: Member): string | null =>
  slots.length === 0
    ? null
    : slots.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(' ');

/** Which server has which slots, as one text to compare. */
export const toTopologyText = (members: readonly Member[]): string =>
  members.map((member) => `${toAddress(member.node)} ${toSlotText(member) ?? '-'}`).join('\n');
