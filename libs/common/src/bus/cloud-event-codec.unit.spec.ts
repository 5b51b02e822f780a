import { describe, expect, it } from '@jest/globals';
import { CloudEvent, Kafka as Sdk } from 'cloudevents';
import fc from 'fast-check';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { fromKafkaMessage, type IncomingMessage, toKafkaMessage } from './cloud-event-codec.js';

const event = BackupRequested.create(
  { dataset: 'shop' },
  { id: 'e-1', source: '/shop', time: new Date('2026-11-21T10:00:00Z'), correlationid: 'c-1' },
);
const sdkEvent = new CloudEvent({
  id: 'e-2',
  source: '/sdk',
  type: 'backup.requested',
  time: '2026-11-21T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { dataset: 'shop' },
});

const incoming = (headers: IncomingMessage['headers'], value: string | null): IncomingMessage => ({
  headers,
  value: value === null ? null : Buffer.from(value),
  timestamp: '1795255200000',
});

const refusal = (message: IncomingMessage): AppError => {
  try {
    fromKafkaMessage(message);
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('it was accepted');
};

describe('CloudEvents over Kafka', () => {
  it('reads back what it wrote', () => {
    const { headers, value } = toKafkaMessage(event, 'shop');
    expect(fromKafkaMessage({ headers, value, timestamp: '0' })).toEqual(event);
  });

  it('reads back any JSON data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const { headers, value } = toKafkaMessage({ ...event, data }, 'shop');
        expect(fromKafkaMessage({ headers, value, timestamp: '0' }).data).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it('is understood by the CloudEvents SDK', () => {
    const { key, headers, value } = toKafkaMessage(event, 'shop');
    const message = { key, headers, value, body: value };
    const read = Sdk.toEvent(message) as CloudEvent<unknown>;
    expect(read).toMatchObject({ ...event, partitionkey: 'shop' });
  });

  it('understands what the SDK writes in binary mode, where kafkajs hands headers over as bytes', () => {
    const { headers } = Sdk.binary(sdkEvent);
    const bytes = Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, text === undefined ? undefined : Buffer.from(String(text))]),
    );
    const read = fromKafkaMessage(incoming(bytes, JSON.stringify(sdkEvent.data)));
    expect(read).toMatchObject({ id: 'e-2', source: '/sdk', type: 'backup.requested', data: { dataset: 'shop' } });
  });

  it('understands what the SDK writes in structured mode', () => {
    const { headers, value } = Sdk.structured(sdkEvent);
    const read = fromKafkaMessage(incoming(headers as Record<string, string>, String(value)));
    expect(read).toMatchObject({ id: 'e-2', time: '2026-11-21T10:00:00.000Z', data: { dataset: 'shop' } });
  });

  it('reads structured data in base64', () => {
    const body = { ...event, data: undefined, data_base64: Buffer.from('{"dataset":"shop"}').toString('base64') };
    const type = 'application/cloudevents+json; charset=utf-8';
    expect(fromKafkaMessage(incoming({ 'Content-Type': type }, JSON.stringify(body))).data).toEqual({
      dataset: 'shop',
    });
  });

  it('takes the last of a repeated header and the record time where the event has none', () => {
    const headers = { ce_specversion: '1.0', ce_id: ['old', Buffer.from('new')], ce_source: '/x', ce_type: 'a.b' };
    expect(fromKafkaMessage(incoming(headers, '{}'))).toMatchObject({ id: 'new', time: '2026-11-21T10:00:00.000Z' });
  });

  it.each([
    ['no headers at all', undefined, '{}', 'neither ce_* headers'],
    ['a value that is not JSON', { ce_id: '1' }, '{oops', 'not JSON'],
    ['no value', { ce_id: '1' }, null, 'no value'],
    ['data that is not JSON', { ce_id: '1', 'content-type': 'application/xml' }, '<a/>', '"application/xml"'],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]', 'batch+json" is not supported'],
    ['a structured value that is no object', { 'content-type': 'application/cloudevents+json' }, '[1]', 'JSON object'],
  ])('refuses %s', (_, headers, value, reason) => {
    const error = refusal(incoming(headers, value));
    expect(error.code).toBe('request.invalid');
    expect(error.message).toContain(reason);
  });

  it.each([
    ['id', 'a NUL', 'e\u0000'],
    ['source', 'a line feed', '/x\n'],
    ['type', 'a delete', 'a.b\u007f'],
    ['correlationid', 'a NUL', '\u0000'],
    ['id', 'half a surrogate pair', '\ud800'],
  ])('refuses an %s with %s, which no catalog could store', (name, _, text) => {
    const body = { specversion: '1.0', id: '1', source: '/x', type: 'a.b', data: {}, [name]: text };
    const error = refusal(incoming({ 'content-type': 'application/cloudevents+json' }, JSON.stringify(body)));
    expect(error).toMatchObject({ code: 'request.invalid', context: { issues: [expect.stringContaining(name)] } });
  });

  it.each(['correlationid', 'causationid', 'traceparent'])(
    'refuses a %s that would make every fact about it too large',
    (name) => {
      const headers = { ce_specversion: '1.0', ce_id: '1', ce_source: '/x', ce_type: 'a.b' };
      expect(fromKafkaMessage(incoming({ ...headers, [`ce_${name}`]: 'x'.repeat(200) }, '{}'))).toHaveProperty(name);
      const error = refusal(incoming({ ...headers, [`ce_${name}`]: 'x'.repeat(201) }, '{}'));
      expect(error).toMatchObject({ code: 'request.invalid', context: { issues: [expect.stringContaining(name)] } });
    },
  );

  it('names every wrong attribute', () => {
    const error = refusal(incoming({ ce_id: '', ce_specversion: '0.3', ce_source: '/x' }, '{}'));
    const issues = error.context['issues'] as string[];
    expect(issues.map((issue) => issue.split(':')[0])).toEqual(['specversion', 'id', 'type']);
  });
});
