import { describe, expect, it } from '@jest/globals';
import { fromKafkaMessage, toKafkaMessage } from '#common/bus/cloud-event-codec.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { asyncApi } from './event-schemas.js';

interface Message {
  readonly headers: { readonly required: readonly string[]; readonly properties: object };
}
const { messages } = JSON.parse(asyncApi().text).components as { messages: Record<string, Message> };
const headersOf = (type: string) => messages[type]?.headers ?? { required: [], properties: {} };

const origin = { id: '1', source: '/spec', time: new Date('2026-11-27T06:00:00Z') };
const event = BackupRequested.create({ dataset: 'shop' }, { ...origin, correlationid: 'c' });
const { headers, value } = toKafkaMessage(event, 'shop');
const without = (names: readonly string[]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
const read = (left: Record<string, string>) => fromKafkaMessage({ headers: left, value, timestamp: '1795255200000' });

describe('what AsyncAPI calls required', () => {
  const { required, properties } = headersOf('backup.requested');
  const optional = Object.keys(properties).filter((name) => !required.includes(name));

  it('is what a request needs to be read, and nothing else', () => {
    expect(read(without(optional))).toMatchObject({ id: '1', type: 'backup.requested' });
    for (const name of required) expect(() => read(without([name]))).toThrow(name.slice('ce_'.length));
  });

  it('is on everything that we send', () => {
    expect(Object.keys(headers)).toEqual(expect.arrayContaining([...headersOf('backup.completed').required]));
  });
});
