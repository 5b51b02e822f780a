import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { events } from '#common/contracts/event-list.js';
import { AppError } from '#common/errors/app-error.js';
import { fromKafkaMessage, type IncomingMessage, parseMessage } from './cloud-event-codec.js';

const ATTRIBUTES = ['specversion', 'id', 'source', 'type', 'time', 'subject', 'datacontenttype', 'dataschema', 'data'];
const EXTENSIONS = ['correlationid', 'causationid', 'traceparent', 'data_base64', '__proto__', 'constructor'];
const types = events.map(({ type }) => type);

const anyType = fc.constantFrom(...types);
const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const anyName = fc.oneof(
  fc.constantFrom(
    ...[...ATTRIBUTES, ...EXTENSIONS].map((name) => `ce_${name}`),
    'content-type',
    '__proto__',
    'toString',
  ),
  fc.string({ maxLength: 10 }),
);
const anyHeaderValue = fc.oneof(
  anyBytes,
  fc.array(fc.option(anyBytes), { maxLength: 3 }),
  fc.constantFrom(undefined, null, '1.0', 'application/json', 'application/cloudevents+json', ...types),
);
const anyTimestamp = fc.oneof(
  fc.constantFrom('-1', '1795255200000'),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

/** Objects of which `toString` and `length` are no functions and numbers, too. */
const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom('toString', 'valueOf', 'length', 'toJSON', '__proto__'), fc.jsonValue()),
);

/** Good in most attributes, so that it comes far before what is wrong with it is met. */
const anyStructured = fc
  .tuple(anyType, fc.dictionary(fc.constantFrom(...ATTRIBUTES, ...EXTENSIONS), anyJson, { maxKeys: 3 }))
  .map(([type, wrong]) => ({ specversion: '1.0', id: 'e', source: '/spec', type, data: {}, ...wrong }));

const message = (value: Buffer | null, headers: unknown, timestamp: bigint | string = '0'): IncomingMessage => ({
  value,
  headers: headers as IncomingMessage['headers'],
  timestamp: String(timestamp),
});

const anyRaw = fc
  .tuple(fc.option(anyBytes), fc.dictionary(anyName, anyHeaderValue), anyTimestamp)
  .map(([value, headers, timestamp]) => message(value, headers, timestamp));
const anyBinary = fc
  .tuple(anyJson, fc.dictionary(anyName, anyHeaderValue), anyType, anyTimestamp)
  .map(([data, headers, type, timestamp]) =>
    message(
      Buffer.from(JSON.stringify(data)),
      { ce_specversion: '1.0', ce_id: 'e', ce_source: '/spec', ce_type: type, ...headers },
      timestamp,
    ),
  );
const anyEvent = anyStructured.map((event) =>
  message(Buffer.from(JSON.stringify(event)), { 'content-type': 'application/cloudevents+json' }),
);
const anyMessage = fc.oneof(anyRaw, anyBinary, anyEvent);

function outcomeOf(read: () => { readonly id: string }): string {
  try {
    return typeof read().id === 'string' ? 'an event' : 'an event without an id';
  } catch (error) {
    return error instanceof AppError ? error.code : `a defect: ${String(error)}`;
  }
}

const FINE = ['an event', 'request.invalid'];

describe('a message of the bus', () => {
  it('is an event or refused, whatever its bytes, headers and attributes are', () => {
    fc.assert(
      fc.property(anyMessage, anyType, (incoming, type) => {
        expect(FINE).toContain(outcomeOf(() => parseMessage(incoming, type)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds no defect in the codec', () => {
    fc.assert(
      fc.property(anyMessage, (incoming) => {
        expect(FINE).toContain(outcomeOf(() => fromKafkaMessage(incoming)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused when reading it fails with an unexpected error', () => {
    const incoming = message(null, {});
    Object.defineProperty(incoming, 'headers', { get: () => JSON.parse('{"a":').b });
    expect(outcomeOf(() => parseMessage(incoming, 'backup.requested'))).toBe('request.invalid');
  });
});
