/** The few private files of kafkajs 2.2.4 (pinned) that the log reader and the topic ids need; see docs/decisions. */
declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(buffer: Buffer);
    offset: number;
    buffer: Buffer;
    readInt8(): number;
    readInt16(): number;
    readInt32(): number;
    readInt64(): { toString(): string };
    readString(): string;
    readBoolean(): boolean;
    readBytes(length?: number): Buffer;
    readUVarInt(): number;
    readUVarIntString(): string | null;
    readTaggedFields(): unknown;
    readArray<T>(reader: (decoder: Decoder) => T): T[];
    readVarIntArray<T>(reader: (decoder: Decoder) => T): T[];
    readUVarIntArray<T>(reader: (decoder: Decoder) => T): T[];
  }
}
declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    writeInt8(value: number): this;
    writeInt16(value: number): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeInt64(value: bigint | string): this;
    writeString(value: string | null): this;
    writeArray(encoders: readonly Encoder[]): this;
    writeNullableArray(encoders: readonly Encoder[]): this;
    writeBoolean(value: boolean): this;
    writeBuffer(value: Buffer): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string): this;
    writeEncoder(value: Encoder): this;
    size(): number;
    buffer: Buffer;
  }
}
declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js';
  export interface DecodedRecord {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Record<string, Buffer | null | (Buffer | null)[]>;
  }
  export default function decode(decoder: Decoder): Promise<{ readonly records: readonly DecodedRecord[] }>;
}
declare module 'kafkajs/src/protocol/requests/fetch/v11/request.js' {
  export default function fetchRequest(options: {
    readonly replicaId: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly isolationLevel: 0 | 1;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
  }): unknown;
}
declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode: (bytes: Buffer) => Promise<unknown> };
  export default response;
}
declare module 'kafkajs/src/protocol/requests/metadata/v5/request.js' {
  export default function metadataRequest(options: {
    readonly topics: readonly string[];
    readonly allowAutoTopicCreation: boolean;
  }): unknown;
}
declare module 'kafkajs/src/protocol/requests/metadata/v5/response.js' {
  const response: {
    decode(bytes: Buffer): Promise<{
      readonly topicMetadata: readonly { readonly topic: string; readonly topicErrorCode: number }[];
    }>;
  };
  export default response;
}
declare module 'kafkajs/src/consumer/offsetManager/index.js' {
  interface Uncommitted {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[];
  }
  export default class OffsetManager {
    readonly groupId: string;
    uncommittedOffsets(): Uncommitted;
  }
}
declare module 'kafkajs/src/protocol/error.js' {
  export function failure(code: number): boolean;
  export function createErrorFromCode(code: number): Error & { readonly type: string };
}
declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    readonly throttledUntil: number;
    scheduleCheckPendingRequests(): void;
  }
}
declare module 'kafkajs/src/protocol/requests/produce/v7/response.js' {
  interface Produced {
    readonly topics: readonly {
      readonly topicName: string;
      readonly partitions: readonly { readonly partition: number; readonly baseOffset: string }[];
    }[];
  }
  const response: {
    decode(bytes: Buffer): Promise<Produced>;
    parse(answer: Produced): Promise<Produced>;
  };
  export default response;
}
declare module 'kafkajs/src/protocol/recordBatch/crc32C/index.js' {
  export default function crc32C(bytes: Buffer): number;
}
