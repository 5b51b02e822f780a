import type { IHeaders } from 'kafkajs';
import { Envelope, type Event, type UntypedEvent } from '#common/contracts/envelope.js';
import { findEvent } from '#common/contracts/event-list.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { toTextHeaders } from './kafka-headers.js';

const PREFIX = 'ce_';
const CONTENT_TYPE = 'content-type';
const STRUCTURED_TYPE = 'application/cloudevents+json';
const JSON_TYPE = /^(application|text)\/([^;]+\+)?json\s*(;|$)/i;

export interface IncomingMessage {
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
  /** Milliseconds since 1970 as Kafka states it; stands in for an absent `time`. */
  readonly timestamp: string;
}

export interface OutgoingMessage {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

/** Binary content mode: attributes in `ce_*` headers, data as the JSON value. Source: CloudEvents Kafka binding 1.0.2, 3.2. */
export function toKafkaMessage(event: Event<unknown>, key: string): OutgoingMessage {
  const { data, datacontenttype, ...attributes } = event;
  const headers = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [[PREFIX + name, String(value)] as const],
  );
  return {
    key,
    value: Buffer.from(JSON.stringify(data)),
    headers: { [CONTENT_TYPE]: datacontenttype ?? 'application/json', ...Object.fromEntries(headers) },
  };
}

/**
 * Reads binary and structured content mode. Extensions that Holdfast does not know are dropped; data is not yet checked.
 * Throws: request.invalid, with every wrong attribute in `issues`.
 */
export function fromKafkaMessage(message: IncomingMessage): UntypedEvent {
  const headers = toTextHeaders(message.headers);
  const contentType = contentTypeOf(headers);
  const event = isStructured(contentType)
    ? readStructured(message.value, contentType)
    : readBinary(message.value, headers, contentType);
  return checkEnvelope({ time: toInstant(message.timestamp), ...event });
}

function contentTypeOf(headers: ReadonlyMap<string, string>): string | undefined {
  const name = [...headers.keys()].find((header) => header.toLowerCase() === CONTENT_TYPE);
  return name === undefined ? undefined : headers.get(name);
}

const isStructured = (contentType: string | undefined): contentType is string =>
  /^application\/cloudevents/i.test(contentType ?? '');

function readBinary(
  value: Buffer | null,
  headers: ReadonlyMap<string, string>,
  contentType: string | undefined,
): Record<string, unknown> {
  const attributes = [...headers].filter(([name]) => name.startsWith(PREFIX));
  if (attributes.length === 0) throw withoutAttributes(value, contentType);
  return {
    ...Object.fromEntries(attributes.map(([name, text]) => [name.slice(PREFIX.length), text])),
    ...(contentType === undefined ? {} : { datacontenttype: contentType }),
    data: readData(value, contentType),
  };
}

/** What most producers get wrong first: a whole event as plain JSON. */
function withoutAttributes(value: Buffer | null, contentType: string | undefined): AppError {
  const found = contentType === undefined ? 'no content type' : `content type "${contentType}"`;
  const wants = looksStructured(value)
    ? `its value is an event in structured mode, which wants content type "${STRUCTURED_TYPE}"`
    : `an event in structured mode wants content type "${STRUCTURED_TYPE}", one in binary mode ce_* headers`;
  return notAnEvent(`it has neither ce_* headers nor the content type of an event: found ${found}; ${wants}`);
}

function looksStructured(value: Buffer | null): boolean {
  try {
    return Object.hasOwn(JSON.parse(value?.toString('utf8') ?? ''), 'specversion');
  } catch {
    return false;
  }
}

function readStructured(value: Buffer | null, contentType: string): Record<string, unknown> {
  if (!/^application\/cloudevents\+json\s*(;|$)/i.test(contentType))
    throw notAnEvent(`content type "${contentType}" is not supported, only "${STRUCTURED_TYPE}"`);
  const event = parseJson(value);
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    throw notAnEvent('its value is not a JSON object');
  const { data_base64: encoded, ...rest } = event as Record<string, unknown>;
  if (encoded === undefined) return rest;
  if (typeof encoded !== 'string') throw notAnEvent('data_base64 is not text');
  const { datacontenttype } = rest;
  if (datacontenttype !== undefined && typeof datacontenttype !== 'string')
    throw notAnEvent('datacontenttype is not text');
  return { ...rest, data: readData(Buffer.from(encoded, 'base64'), datacontenttype) };
}

function readData(value: Buffer | null, contentType: string | undefined): unknown {
  if (contentType !== undefined && !JSON_TYPE.test(contentType))
    throw notAnEvent(`data of content type "${contentType}" is not supported, only JSON`);
  return parseJson(value);
}

function parseJson(value: Buffer | null): unknown {
  if (value === null || value.length === 0) throw notAnEvent('it has no value');
  try {
    return JSON.parse(value.toString('utf8'));
  } catch (error) {
    throw notAnEvent(`its value is not JSON: ${(error as Error).message}`);
  }
}

function checkEnvelope(event: Record<string, unknown>): UntypedEvent {
  const result = Envelope.safeParse(event);
  if (result.success) return { ...result.data, data: event['data'] };
  const issues = result.error.issues.map((issue) => toIssueText(issue, 'the event'));
  throw notAnEvent(issues.join('; '), issues);
}

function toInstant(timestamp: string): string | undefined {
  const instant = new Date(Number(timestamp));
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

const notAnEvent = (reason: string, issues: readonly string[] = [reason]): AppError =>
  new AppError('request.invalid', `message is not a CloudEvent: ${reason}`, { issues });

/**
 * Reads a message of the topic that carries events of `type`, in its current version. A message that breaks the reader is one that nobody
 * can take, like any other: it may hold up nothing. Throws: request.invalid for what is no event, belongs on another topic, or has a version
 * or data that nobody knows; nothing else.
 */
export function parseMessage(message: IncomingMessage, type: string): Event<unknown> {
  try {
    return parse(message, type);
  } catch (error) {
    if (error instanceof AppError && error.code === 'request.invalid') throw error;
    const reason = `message cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`;
    throw new AppError('request.invalid', reason, { issues: [reason] }, { cause: error });
  }
}

function parse(message: IncomingMessage, expected: string): Event<unknown> {
  const event = fromKafkaMessage(message);
  const definition = findEvent(event.type);
  if (definition === undefined)
    throw new AppError('request.invalid', `event type "${event.type}" is unknown`, { issues: ['type: unknown'] });
  if (event.type !== expected)
    throw new AppError('request.invalid', `event type "${event.type}" does not belong on the topic of ${expected}`, {
      issues: [`type: expected ${expected}`],
    });
  return definition.parse(event);
}
