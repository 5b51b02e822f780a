import { createHash } from 'node:crypto';
import type { IHeaders, Message } from 'kafkajs';
import { cutText } from '#common/contracts/fit.js';
import type { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { kafkaErrorType } from './bus-error.js';
import type { BusPublisher } from './producer.js';
import { DEAD_LETTER, DEAD_LETTER_MAX_BYTES } from './topics/topics.js';

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

/**
 * Keeps the original key, bytes and headers, as far as the topic takes them, and adds reason, code and coordinates as `holdfast-*` headers.
 */
export function createDeadLetterBox(
  publisher: Pick<BusPublisher, 'send'>,
  { topicPrefix, clock = () => new Date() }: { readonly topicPrefix: string; readonly clock?: () => Date },
): DeadLetterBox {
  const topic = topicPrefix + DEAD_LETTER;
  return {
    put: async (letter) => {
      const now = clock();
      const send = (message: Message): Promise<void> => publisher.send([{ topic, messages: [message] }]);
      // A batch of a megabyte may unpack to a gigabyte: no broker says that it is too large, the connection just ends.
      if ((letter.value?.length ?? 0) > DEAD_LETTER_MAX_BYTES) return send(toSmallMessage(letter, now));
      try {
        await send(toMessage(letter, now));
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        await send(toSmallMessage(letter, now));
      }
    },
  };
}

/** What was found wrong, however much it was: enough to mend the message, and never what makes the letter too large. */
const REASON_CHARACTERS = 1_000;
const ISSUES = 20;
const ISSUE_CHARACTERS = 200;

/** Of the original, in a letter that was too large with all of it. */
const KEPT_KEY_BYTES = 1_000;
const KEPT_HEADER_BYTES = 4_000;

function toMessage(letter: DeadLetter, now: Date): Message {
  const { key, value, headers } = letter;
  return { key, value, headers: { ...writable(headers), ...toNotes(letter, now) } };
}

/**
 * Another program has made the topic, with a smaller limit: better a letter that points at the original than a blocked partition. What may
 * be of any size goes: the value, and with many bytes also the headers and the key.
 */
function toSmallMessage(letter: DeadLetter, now: Date): Message {
  const headers = writable(letter.headers);
  const [headerBytes, keyBytes] = [sizeOf(headers), letter.key?.length ?? 0];
  const value = letter.value ?? Buffer.alloc(0);
  const isKeyKept = keyBytes <= KEPT_KEY_BYTES;
  const areHeadersKept = headerBytes <= KEPT_HEADER_BYTES;
  return {
    key: isKeyKept ? letter.key : null,
    value: null,
    headers: {
      ...(areHeadersKept ? headers : {}),
      ...toNotes(letter, now),
      'holdfast-value-omitted': `${value.length} bytes, sha256 ${createHash('sha256').update(value).digest('hex')}`,
      ...(isKeyKept ? {} : { 'holdfast-key-omitted': `${keyBytes} bytes` }),
      ...(areHeadersKept ? {} : { 'holdfast-headers-omitted': `${headerBytes} bytes` }),
    },
  };
}

function toNotes({ error, ...at }: DeadLetter, now: Date): Record<string, string> {
  return {
    'holdfast-reason': cutText(error.message, REASON_CHARACTERS),
    'holdfast-code': error.code,
    'holdfast-issues': JSON.stringify(toIssues(error)),
    'holdfast-topic': at.topic,
    'holdfast-partition': String(at.partition),
    'holdfast-offset': at.offset,
    'holdfast-timestamp': at.timestamp,
    'holdfast-group': at.group,
    'holdfast-dead-lettered-at': now.toISOString(),
  };
}

function toIssues(error: AppError): readonly string[] {
  const { issues } = error.context;
  const all = Array.isArray(issues) ? issues.map(toText) : [error.message];
  const first = all.slice(0, ISSUES).map((issue) => cutText(issue, ISSUE_CHARACTERS));
  return all.length <= ISSUES ? first : [...first, `and ${all.length - ISSUES} more`];
}

type HeaderValue = Buffer | string;

/** kafkajs cannot write a header without a value, also where the name has others that have one. */
function writable(headers: IHeaders = {}): Record<string, HeaderValue[]> {
  const entries = Object.entries(headers).map(([name, values]) => [
    name,
    [values].flat().filter((value): value is HeaderValue => value !== undefined && value !== null),
  ]);
  return Object.fromEntries(entries) as Record<string, HeaderValue[]>;
}

const sizeOf = (headers: Readonly<Record<string, readonly HeaderValue[]>>): number =>
  Object.entries(headers)
    .flatMap(([name, values]) => values.map((value) => Buffer.byteLength(name) + Buffer.byteLength(value)))
    .reduce((sum, bytes) => sum + bytes, 0);

const isTooLarge = (error: unknown): boolean =>
  ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].includes(kafkaErrorType(error) ?? '');
