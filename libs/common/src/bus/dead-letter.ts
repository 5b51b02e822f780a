import { createHash } from 'node:crypto';
import type { IHeaders, Message } from 'kafkajs';
import type { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType } from './bus-error.js';
import type { BusPublisher } from './producer.js';
import { DEAD_LETTER } from './topics.js';

/** A message that no handler can take, with where it lies. */
export interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestamp: string;
  readonly group: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
  readonly error: AppError;
}

/** Where unreadable messages go. Resolves only once the letter is safely written. Throws: bus.unavailable. */
export interface DeadLetterBox {
  put(letter: DeadLetter): Promise<void>;
}

/** Keeps the original key, bytes and headers, and adds reason, code and coordinates as `holdfast-*` headers. */
export function createDeadLetterBox(
  publisher: Pick<BusPublisher, 'send'>,
  { topicPrefix, clock = () => new Date() }: { readonly topicPrefix: string; readonly clock?: () => Date },
): DeadLetterBox {
  const topic = topicPrefix + DEAD_LETTER;
  return {
    put: async (letter) => {
      const message = toMessage(letter, clock());
      try {
        await publisher.send([{ topic, messages: [message] }]);
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        await publisher.send([{ topic, messages: [withoutValue(message)] }]);
      }
    },
  };
}

function toMessage({ key, value, headers, error, ...at }: DeadLetter, now: Date): Message {
  const issues = error.context['issues'];
  return {
    key,
    value,
    headers: {
      ...definedHeaders(headers),
      'holdfast-reason': error.message,
      'holdfast-code': error.code,
      'holdfast-issues': JSON.stringify(Array.isArray(issues) ? issues : [error.message]),
      'holdfast-topic': at.topic,
      'holdfast-partition': String(at.partition),
      'holdfast-offset': at.offset,
      'holdfast-timestamp': at.timestamp,
      'holdfast-group': at.group,
      'holdfast-dead-lettered-at': now.toISOString(),
    },
  };
}

/** kafkajs cannot write a header without a value. */
function definedHeaders(headers: IHeaders = {}): IHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined && value !== null));
}

const isTooLarge = (error: unknown): boolean =>
  ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].includes(kafkaErrorType((error as Error).cause) ?? '');

/** The topic was made by somebody else with a smaller limit: better a letter that points at the original than a blocked partition. */
function withoutValue(message: Message): Message {
  const value = Buffer.from(message.value ?? '');
  const omitted = `${value.length} bytes, sha256 ${createHash('sha256').update(value).digest('hex')}`;
  return { ...message, value: null, headers: { ...message.headers, 'holdfast-value-omitted': omitted } };
}
