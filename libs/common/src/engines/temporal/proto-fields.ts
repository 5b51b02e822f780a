/** Fields of one message by their numbers; of a field that is there more than once, the last. */
export type ProtoFields = ReadonlyMap<number, bigint | Buffer>;

const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

/**
 * The fields of a message of protocol buffers: numbers as they are, everything else as bytes. Temporal keeps its rows so.
 * Throws: RangeError where it is none. Source: protobuf.dev "Encoding".
 */
export function readFields(message: Buffer): ProtoFields {
  const fields = new Map<number, bigint | Buffer>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at);
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    if (at + length > message.length) throw new RangeError('a message of protocol buffers is cut');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === VARINT) fields.set(key >> 3, varint());
    else if (wire === FIXED64) fields.set(key >> 3, bytes(8));
    else if (wire === LENGTH) fields.set(key >> 3, bytes(Number(varint())));
    else if (wire === FIXED32) fields.set(key >> 3, bytes(4));
    else throw new RangeError(`a message of protocol buffers has a field of type ${wire}`);
  }
  return fields;
}

/** The text of a field; empty where it is absent, as protocol buffers have it. */
export function textOf(fields: ProtoFields, number: number): string {
  const value = fields.get(number);
  return value instanceof Buffer ? value.toString() : '';
}

/** The number of a field; 0 where it is absent. */
export const numberOf = (fields: ProtoFields, number: number): number => {
  const value = fields.get(number);
  return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0;
};
