import { describe, expect, it } from '@jest/globals';
import type { Message } from 'kafkajs';
import { fromKafkaMessage } from '#common/bus/cloud-event-codec.js';
import { fromBinaryMode, toBinaryMode, toStructuredMode } from './cloud-event.js';

const event = {
  ...{ type: 'backup.requested', id: '1', source: 'urn:desk', time: '2026-05-01T00:00:00.000Z' },
  data: { dataset: 'shop' },
};

const toIncoming = ({ value, headers }: Message) => ({
  value: Buffer.from(String(value)),
  ...(headers && { headers }),
  timestamp: '0',
});

describe('the quickstart as a foreign service', () => {
  it.each([
    ['binary', toBinaryMode],
    ['structured', toStructuredMode],
  ])('writes %s mode that Holdfast reads as the same event', (_, write) => {
    expect(fromKafkaMessage(toIncoming(write(event, 'shop')))).toMatchObject(event);
  });

  it('reads binary mode', () => {
    expect(fromBinaryMode(toIncoming(toBinaryMode(event, 'shop')))).toMatchObject(event);
  });
});
