import { readdir } from 'node:fs/promises';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { type ClientOptions, type RedisClient, withClient } from '#common/engines/redis/client.js';
import { type RedisConnection, toAddress } from '#common/engines/redis/connection.js';
import type { RedisDataset, RedisTarget } from '#common/engines/redis/redis-dataset.js';
import { readIdentity, toServerName } from '#common/engines/redis/server-identity.js';
import { findMembers, type Member } from '#common/engines/redis/topology.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

const NAME = 'holdfast-check';

/** Could the server be backed up tonight, and would it keep its data over a restart? */
export function datasetChecks(dataset: RedisDataset, signal: AbortSignal): Check[] {
  const { name, connection, persistence, aofDirectory } = dataset;
  const connected = `dataset ${name}: connection`;
  const ask = <T>(use: (client: RedisClient) => Promise<T>) => withMember(connection, 'replica', { signal, use });
  return [
    { name: connected, run: () => describeMembers(connection, 'replica', signal) },
    { name: `dataset ${name}: right to take a snapshot`, needs: [connected], run: () => ask(checkReplication) },
    {
      name: `dataset ${name}: persistence`,
      needs: [connected],
      run: () => ask((client) => checkPersistence(client, persistence)),
    },
    ...(aofDirectory === undefined
      ? []
      : [{ name: `dataset ${name}: append-only files`, run: () => checkAofDirectory(aofDirectory) }]),
  ];
}

/** Could a restore go to this target tonight? */
export function targetChecks({ name, connection, directory }: RedisTarget, signal: AbortSignal): Check[] {
  // A server that is restored by files is stopped by then: whether it runs today says nothing.
  if (directory !== undefined) return [];
  return [{ name: `target ${name}: connection`, run: () => describeMembers(connection, 'master', signal) }];
}

/** What the servers have in memory. */
export async function measureMemory({ connection }: RedisDataset, signal: AbortSignal): Promise<number> {
  const options: ClientOptions = { signal, name: NAME };
  const members = await findMembers(connection, { ...options, prefer: 'replica' });
  const used = members.map(({ node }) =>
    withClient({ login: connection, node, ...options }, async (client) =>
      Number((await client.info('memory')).get('used_memory') ?? 0),
    ),
  );
  return (await Promise.all(used)).reduce((sum, bytes) => sum + bytes, 0);
}

async function describeMembers(
  connection: RedisConnection,
  prefer: Member['role'],
  signal: AbortSignal,
): Promise<string> {
  const members = await findMembers(connection, { signal, name: NAME, prefer });
  const [{ node, role }] = members as [Member];
  const identity = await withClient({ login: connection, node, signal, name: NAME }, readIdentity);
  return members.length === 1
    ? `${toServerName(identity)} at ${toAddress(node)}, a ${role}`
    : `${toServerName(identity)}, a cluster of ${members.length} masters`;
}

async function withMember<T>(
  connection: RedisConnection,
  prefer: Member['role'],
  { signal, use }: { readonly signal: AbortSignal; readonly use: (client: RedisClient) => Promise<T> },
): Promise<T> {
  const [{ node }] = (await findMembers(connection, { signal, name: NAME, prefer })) as [Member];
  return withClient({ login: connection, node, signal, name: NAME }, use);
}

/** A snapshot cannot be asked for without the server making one: the server says itself what its rules allow. Source: Redis "ACL DRYRUN". */
async function checkReplication(client: RedisClient): Promise<string> {
  const user = await client.call('ACL', 'WHOAMI').catch(toWarning('who we are'));
  for (const command of [['SYNC'], ['REPLCONF', 'capa', 'eof']]) {
    const answer = toText(
      await client.call('ACL', 'DRYRUN', toText(user), ...command).catch(toWarning('its own rights')),
    );
    if (answer !== 'OK') throw new AppError('redis.permission', `${client.address}: ${answer}`);
  }
  return `user ${toText(user)} may SYNC`;
}

async function checkPersistence(client: RedisClient, expected: RedisDataset['persistence']): Promise<string> {
  const setting = async (name: string): Promise<string> => {
    const answer = await client.call('CONFIG', 'GET', name).catch(toWarning('its settings'));
    return toText((answer as readonly unknown[])[1] ?? '');
  };
  const [hasAof, hasSave] = [(await setting('appendonly')) === 'yes', (await setting('save')) !== ''];
  const actual = hasAof && hasSave ? 'both' : hasAof ? 'aof' : hasSave ? 'save' : 'none';
  if (expected === undefined || expected === actual) return `the server persists by ${actual}`;
  throw new CheckWarning(
    `the server persists by ${actual}, and the dataset says ${expected}; \`CONFIG SET appendonly yes\` and \`CONFIG SET save "3600 1"\` change it, \`CONFIG REWRITE\` keeps it`,
  );
}

async function checkAofDirectory(directory: string): Promise<string> {
  const names = await readdir(directory).catch((cause) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AppError('redis.aof', `cannot read ${directory}: ${toText(code)}`, { directory }, { cause });
  });
  const manifest = names.find((name) => name.endsWith('.manifest'));
  if (manifest === undefined)
    throw new AppError('redis.aof', `${directory} holds no manifest of append-only files`, { directory });
  return `${manifest} among ${names.length} files`;
}

const toWarning = (what: string) => (error: unknown) => {
  if (error instanceof AppError && ['redis.permission', 'redis.refused'].includes(error.code))
    throw new CheckWarning(`the server does not say ${what}: ${error.message}`);
  throw error;
};
