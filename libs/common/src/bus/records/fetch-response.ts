import Decoder from 'kafkajs/src/protocol/decoder.js';

export interface PartitionResponse {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly logStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly preferredReadReplica: number;
  /** Record batches as stored, the last one perhaps cut short. */
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly PartitionResponse[] }[];
}

/** Fetch response, version 11, with the records left as they came. Source: Kafka protocol guide, "Fetch API". */
export function decodeFetchResponse(bytes: Buffer): FetchResponse {
  const decoder = new Decoder(bytes);
  return {
    throttleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    topics: decoder.readArray((each) => ({ topic: each.readString(), partitions: each.readArray(decodePartition) })),
  };
}

function decodePartition(decoder: Decoder): PartitionResponse {
  const head = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: readInt64(decoder),
    lastStableOffset: readInt64(decoder),
    logStartOffset: readInt64(decoder),
    abortedTransactions: decoder.readArray((each) => ({ producerId: readInt64(each), firstOffset: readInt64(each) })),
    preferredReadReplica: decoder.readInt32(),
  };
  const size = decoder.readInt32();
  return { ...head, records: size > 0 ? decoder.readBytes(size) : Buffer.alloc(0) };
}

const readInt64 = (decoder: Decoder): string => decoder.readInt64().toString();
