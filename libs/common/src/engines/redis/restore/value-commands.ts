import type { RedisCommand } from '#common/engines/redis/client.js';
import type { StreamContent } from '#common/engines/redis/rdb/stream-content.js';
import type { ValueContent } from '#common/engines/redis/rdb/value-content.js';

/** Elements in one command: a server works on nothing else meanwhile. */
const AT_ONCE = 500;

/** The commands of its type that make this value under a key that is not there. Source: the pages of each command. */
export function toCommands(key: Buffer, content: ValueContent, expiresAtMs: number | undefined): RedisCommand[] {
  const made = toValueCommands(key, content);
  return expiresAtMs === undefined ? made : [...made, ['PEXPIREAT', key, String(expiresAtMs)]];
}

function toValueCommands(key: Buffer, content: ValueContent): RedisCommand[] {
  switch (content.type) {
    case 'string':
      return [['SET', key, content.value]];
    case 'list':
      return inParts(content.elements, 1).map((part) => ['RPUSH', key, ...part]);
    case 'set':
      return inParts(content.elements, 1).map((part) => ['SADD', key, ...part]);
    case 'zset': {
      const words = content.members.flatMap(({ member, score }) => [Buffer.from(toScore(score)), member]);
      return inParts(words, 2).map((part) => ['ZADD', key, ...part]);
    }
    case 'hash': {
      const words = content.fields.flatMap(({ field, value }) => [field, value]);
      const times = content.fields.flatMap(({ field, expiresAtMs }) =>
        expiresAtMs === undefined
          ? []
          : [['HPEXPIREAT', key, String(expiresAtMs), 'FIELDS', '1', field] as RedisCommand],
      );
      return [...inParts(words, 2).map((part): RedisCommand => ['HSET', key, ...part]), ...times];
    }
    default:
      return toStreamCommands(key, content);
  }
}

function toStreamCommands(
  key: Buffer,
  { entries, lastId, entriesAdded, maxDeletedId, groups }: StreamContent,
): RedisCommand[] {
  const filled: RedisCommand[] = entries.map(({ id, fields }) => ['XADD', key, id, ...fields]);
  // A stream without entries is there all the same.
  if (entries.length === 0)
    filled.push(['XADD', key, lastId === '0-0' ? '0-1' : lastId, 'x', 'x'], ['XTRIM', key, 'MAXLEN', '0']);
  const counts =
    entriesAdded === undefined ? [] : ['ENTRIESADDED', String(entriesAdded), 'MAXDELETEDID', maxDeletedId ?? '0-0'];
  filled.push(['XSETID', key, lastId, ...counts]);
  for (const { name, lastId: groupId, entriesRead, pending, consumers } of groups) {
    const read = entriesRead === undefined ? [] : ['ENTRIESREAD', String(entriesRead)];
    filled.push(['XGROUP', 'CREATE', key, name, groupId, ...read]);
    const byId = new Map(pending.map((each) => [each.id, each]));
    for (const consumer of consumers) {
      filled.push(['XGROUP', 'CREATECONSUMER', key, name, consumer.name]);
      for (const id of consumer.pending) {
        const { deliveredAtMs = 0, deliveries = 1 } = byId.get(id) ?? {};
        const how = ['TIME', String(deliveredAtMs), 'RETRYCOUNT', String(deliveries), 'FORCE', 'JUSTID'];
        filled.push(['XCLAIM', key, name, consumer.name, '0', id, ...how, 'LASTID', groupId]);
      }
    }
  }
  return filled;
}

function toScore(score: number): string {
  if (score === Number.POSITIVE_INFINITY) return '+inf';
  return score === Number.NEGATIVE_INFINITY ? '-inf' : String(score);
}

function inParts(words: readonly Buffer[], size: number): Buffer[][] {
  const step = AT_ONCE * size;
  return Array.from({ length: Math.ceil(words.length / step) }, (_, index) =>
    words.slice(index * step, (index + 1) * step),
  );
}
