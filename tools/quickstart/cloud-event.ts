import type { IHeaders, Message } from 'kafkajs';

/** A CloudEvent as this story reads one: written without any code of Holdfast's, as another team's service would. */
export interface CloudEvent {
  readonly type: string;
  readonly id: string;
  readonly source: string;
  readonly time: string;
  readonly correlationid?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Attributes in `ce_*` headers, data as the value. */
export const toBinaryMode = ({ data, ...attributes }: CloudEvent, key: string): Message => ({
  key,
  value: JSON.stringify(data),
  headers: {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value])),
  },
});

/** The whole event as one JSON document: what one types into a console. */
export const toStructuredMode = (event: CloudEvent, key: string): Message => ({
  key,
  value: JSON.stringify({ specversion: '1.0', datacontenttype: 'application/json', ...event }),
  headers: { 'content-type': 'application/cloudevents+json' },
});

/** Holdfast writes binary mode. */
export function fromBinaryMode({ value, headers }: { value: Buffer | null; headers?: IHeaders }): CloudEvent {
  const text = (name: string): string => String(headers?.[`ce_${name}`] ?? '');
  return {
    ...{ type: text('type'), id: text('id'), source: text('source'), time: text('time') },
    correlationid: text('correlationid'),
    data: JSON.parse(value?.toString('utf8') ?? '{}') as Record<string, unknown>,
  };
}
