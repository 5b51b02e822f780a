import { z } from 'zod';
import type { EventDefinition } from '#common/contracts/define-event.js';
import { events } from '#common/contracts/event-list.js';
import type { GeneratedFile } from './generated-file.js';
import { toJsonText } from './generated-file.js';

const definitions = events as unknown as readonly EventDefinition[];

/** One JSON Schema per event type, as its readers see it: unknown fields allowed. */
export const eventSchemas = (): GeneratedFile[] =>
  definitions.map((event) => ({
    path: `docs/reference/events/${event.type}.schema.json`,
    text: toJsonText({
      $id: event.dataschema,
      title: event.type,
      description: event.summary,
      ...z.toJSONSchema(event.data, { io: 'input', reused: 'inline' }),
    }),
  }));

const ATTRIBUTES = [
  'id',
  'source',
  'type',
  'time',
  'specversion',
  'dataschema',
  'correlationid',
  'causationid',
  'traceparent',
];
const REQUIRED = ['ce_id', 'ce_source', 'ce_type', 'ce_specversion'];

/** Of what we send; in a request the time of its record stands in for an absent `ce_time`. */
const SENT = [...REQUIRED, 'ce_time', 'ce_dataschema'];

const isRequest = (event: EventDefinition): boolean => event.type.endsWith('requested');

/** AsyncAPI 3: a channel per event type; requests are received, facts are sent. */
export function asyncApi(): GeneratedFile {
  const byType = (build: (event: EventDefinition) => unknown) =>
    Object.fromEntries(definitions.map((event) => [event.type, build(event)]));
  return {
    path: 'docs/reference/asyncapi.json',
    text: toJsonText({
      asyncapi: '3.0.0',
      info: {
        title: 'Holdfast events',
        version: '1',
        description:
          'CloudEvents 1.0 over the Kafka protocol binding. The topic is the event type behind the configured prefix.',
      },
      defaultContentType: 'application/json',
      channels: byType((event) => ({
        address: `{topicPrefix}${event.type}`,
        parameters: {
          topicPrefix: { description: '`bus.topicPrefix` of holdfast.yaml; empty by default', default: '' },
        },
        messages: { [event.type]: { $ref: `#/components/messages/${event.type}` } },
      })),
      operations: byType((event) => ({
        action: isRequest(event) ? 'receive' : 'send',
        channel: { $ref: `#/channels/${event.type}` },
        summary: event.summary,
      })),
      components: {
        messages: byType((event) => ({
          name: event.type,
          title: event.summary,
          headers: {
            type: 'object',
            required: isRequest(event) ? REQUIRED : SENT,
            properties: Object.fromEntries(ATTRIBUTES.map((name) => [`ce_${name}`, { type: 'string' }])),
          },
          payload: { $ref: `events/${event.type}.schema.json` },
        })),
      },
    }),
  };
}
