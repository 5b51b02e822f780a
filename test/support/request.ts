import { randomUUID } from 'node:crypto';
import { Partitioners } from 'kafkajs';
import { toRunId } from '#common/domain/ids.js';
import { kcatProduce } from '#common/testing/kafka-test-bed.js';
import type { SeenEvent, Where } from '#tools/platform/bus-watch.js';
import type { Platform } from '#tools/platform/platform.js';

/** A request as the service of another team writes it. */
export interface Asked {
  readonly type: string;
  readonly id: string;
  readonly source: string;
  readonly time: string;
  readonly data: unknown;
  readonly [extension: string]: unknown;
}

/** `changes` overrides any attribute, also with what is wrong. */
export const aRequest = (type: string, data: object, changes: Partial<Asked> = {}): Asked => ({
  specversion: '1.0',
  id: randomUUID(),
  source: 'urn:another:service',
  type,
  time: new Date().toISOString(),
  data,
  ...changes,
});

/** The run that the request becomes when it is accepted. */
export const runOf = ({ source, id }: Asked): string => toRunId(source, id);

/** What was said because of this request. */
export const causedBy =
  ({ id }: Asked): Where =>
  (event: SeenEvent) =>
    event.causationId === id;

/** Whatever has topics of its own on the bus. */
export type OnBus = Pick<Platform, 'bus' | 'topicPrefix'>;

export interface RawMessage {
  readonly key?: string | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes bytes as they are to a topic of the platform, with the client library that services use. */
export async function produce(platform: OnBus, type: string, message: RawMessage): Promise<void> {
  const producer = platform.bus.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    const { key = null, value, headers = {} } = message;
    await producer.send({ topic: platform.topicPrefix + type, messages: [{ key, value, headers: { ...headers } }] });
  } finally {
    await producer.disconnect();
  }
}

/** Binary mode: attributes in headers, data as the value. */
export function toBinary({ data, ...attributes }: Asked): RawMessage & { readonly value: string } {
  const headers = Object.entries(attributes).map(([name, value]) => [`ce_${name}`, String(value)] as const);
  return {
    key: 'shop',
    value: JSON.stringify(data),
    headers: { ...Object.fromEntries(headers), 'content-type': 'application/json' },
  };
}

/** Publishes a request and returns it, for `causedBy` and `runOf`. */
export async function ask(platform: OnBus, type: string, data: object, changes?: Partial<Asked>): Promise<Asked> {
  const asked = aRequest(type, data, changes);
  await produce(platform, asked.type, toBinary(asked));
  return asked;
}

/** The same with a foreign client, `kcat`: binary mode by default; further options are kcat's own. */
export async function askByKcat(
  platform: Platform,
  asked: Asked,
  { mode = 'binary', options = [] }: { mode?: 'binary' | 'structured'; options?: readonly string[] } = {},
): Promise<void> {
  const binary = toBinary(asked);
  const headers =
    mode === 'binary' ? binary.headers : { 'content-type': 'application/cloudevents+json; charset=utf-8' };
  const value = mode === 'binary' ? binary.value : JSON.stringify(asked);
  const headerOptions = Object.entries(headers ?? {}).flatMap(([name, text]) => ['-H', `${name}=${text}`]);
  await kcatProduce(platform.topicPrefix + asked.type, value, ['-k', 'shop', ...headerOptions, ...options]);
}
