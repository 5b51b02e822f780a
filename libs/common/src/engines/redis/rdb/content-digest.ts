import { createHash } from 'node:crypto';
import type { ValueContent } from './value-content.js';

/**
 * SHA-256 of what a value holds, alike for every encoding and every server: what has no order is sorted. Times to live of fields are left
 * out, and so are hashes with such: undefined.
 */
export function digestContent(content: ValueContent): string | undefined {
  const parts = toParts(content);
  if (parts === undefined) return undefined;
  const hash = createHash('sha256').update(content.type);
  const size = Buffer.alloc(4);
  for (const part of parts) {
    size.writeUInt32LE(part.length);
    hash.update(size).update(part);
  }
  return hash.digest('hex');
}

function toParts(content: ValueContent): readonly Buffer[] | undefined {
  switch (content.type) {
    case 'string':
      return [content.value];
    case 'list':
      return content.elements;
    case 'set':
      return content.elements.toSorted(Buffer.compare);
    case 'zset':
      return content.members
        .toSorted((a, b) => Buffer.compare(a.member, b.member))
        .flatMap(({ member, score }) => [member, toDouble(score)]);
    case 'hash':
      if (content.fields.some(({ expiresAtMs }) => expiresAtMs !== undefined)) return undefined;
      return content.fields
        .toSorted((a, b) => Buffer.compare(a.field, b.field))
        .flatMap(({ field, value }) => [field, value]);
    default:
      return [
        ...content.entries.flatMap(({ id, fields }) => [
          Buffer.from(id),
          Buffer.from(String(fields.length)),
          ...fields,
        ]),
        Buffer.from(content.lastId),
        ...content.groups
          .toSorted((a, b) => Buffer.compare(a.name, b.name))
          .flatMap(({ name, lastId, pending }) => [name, Buffer.from(lastId), Buffer.from(String(pending.length))]),
      ];
  }
}

function toDouble(score: number): Buffer {
  const bytes = Buffer.alloc(8);
  // Minus zero is zero.
  bytes.writeDoubleLE(score + 0);
  return bytes;
}
