import type { RedisClient } from '#common/engines/redis/client.js';
import type { StreamEntry, StreamGroup } from '#common/engines/redis/rdb/stream-content.js';
import { parseScore, type ValueContent } from '#common/engines/redis/rdb/value-content.js';
import { toText } from '#common/errors/printable.js';

type Reply = readonly unknown[];

/** What a key of a running server holds; undefined where there is none, or one of a type that is unknown here. Throws: redis.*. */
export async function readContent(client: RedisClient, db: number, key: Buffer): Promise<ValueContent | undefined> {
  const type = toText(await client.inDatabase(db, ['TYPE', key]));
  switch (type) {
    case 'string':
      return { type, value: (await client.callBytes('GET', key)) as Buffer };
    case 'list':
      return { type, elements: (await client.callBytes('LRANGE', key, '0', '-1')) as Buffer[] };
    case 'set':
      return { type, elements: (await client.callBytes('SMEMBERS', key)) as Buffer[] };
    case 'zset': {
      const words = (await client.callBytes('ZRANGE', key, '0', '-1', 'WITHSCORES')) as Buffer[];
      return { type, members: inPairs(words).map(([member, score]) => ({ member, score: parseScore(score) })) };
    }
    case 'hash': {
      const words = (await client.callBytes('HGETALL', key)) as Buffer[];
      return { type, fields: inPairs(words).map(([field, value]) => ({ field, value, expiresAtMs: undefined })) };
    }
    case 'stream':
      return readStream(client, key);
    default:
      return undefined;
  }
}

async function readStream(client: RedisClient, key: Buffer): Promise<ValueContent> {
  const entries = (await client.callBytes('XRANGE', key, '-', '+')) as Reply[];
  const about = (await client.callBytes('XINFO', 'STREAM', key)) as Reply;
  const groups = (await client.callBytes('XINFO', 'GROUPS', key)) as Reply[];
  return {
    type: 'stream',
    entries: entries.map(([id, fields]): StreamEntry => ({ id: toWord(id), fields: fields as Buffer[] })),
    lastId: toWord(named(about, 'last-generated-id')),
    entriesAdded: undefined,
    maxDeletedId: undefined,
    groups: groups.map(toGroup),
  };
}

/** How many entries are pending is what is compared, and not which. */
const toGroup = (group: Reply): StreamGroup => ({
  name: named(group, 'name') as Buffer,
  lastId: toWord(named(group, 'last-delivered-id')),
  entriesRead: undefined,
  pending: Array.from({ length: Number(named(group, 'pending')) }, () => ({
    id: '0-0',
    deliveredAtMs: 0,
    deliveries: 0,
  })),
  consumers: [],
});

function named(reply: Reply, name: string): unknown {
  const at = reply.findIndex((word, index) => index % 2 === 0 && toWord(word) === name);
  return at < 0 ? undefined : reply[at + 1];
}

const toWord = (word: unknown): string => (Buffer.isBuffer(word) ? word.toString() : toText(word));

const inPairs = (words: readonly Buffer[]): [Buffer, Buffer][] =>
  words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] as Buffer] as [Buffer, Buffer]] : []));
