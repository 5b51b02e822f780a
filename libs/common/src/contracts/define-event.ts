import type { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { Envelope, type Event, type UntypedEvent } from './envelope.js';

const SCHEMA_BASE = 'urn:holdfast:event';

type Upcast = (old: Record<string, unknown>) => Record<string, unknown>;

interface EventSpec<S extends z.ZodObject> {
  readonly type: string;
  readonly version: number;
  readonly summary: string;
  readonly key: (data: z.output<S>) => string;
  readonly data: S;
  /** Fields that readers take in a wider form than writers may write: what they hold is refused with an answer, not as unreadable. */
  readonly asked?: Readonly<Partial<Record<keyof z.output<S>, z.ZodType>>>;
  /** Of a new event: leaves out what the bus might not take. */
  readonly fit?: (data: z.input<S>) => z.input<S>;
  /** From version n to n+1, for each version that was ever published. */
  readonly upcast?: Readonly<Record<number, Upcast>>;
}

/** How an event came to be: the request behind it, and the event that caused it. */
export interface Causes {
  readonly correlationid?: string | undefined;
  readonly causationid?: string | undefined;
  readonly traceparent?: string | undefined;
}

export interface Origin extends Causes {
  readonly id: string;
  readonly source: string;
  readonly time: Date;
}

export interface EventDefinition<S extends z.ZodObject = z.ZodObject> extends EventSpec<S> {
  readonly dataschema: string;
  /**
   * A strict new event, ready for the outbox. Throws: request.invalid, also for fields that the schema does not know and
   * for attributes that readers refuse.
   */
  create(data: z.input<S>, origin: Origin): Event<z.output<S>>;
  /** Reads any published version leniently: unknown fields are ignored. Throws: request.invalid. */
  parse(event: UntypedEvent): Event<z.output<S>>;
  /** Data that was stored in a version that was current then, as it reads today. Throws: request.invalid. */
  read(data: unknown, version: number): z.output<S>;
  is(event: Envelope): boolean;
}

export type DataOf<D> = D extends EventDefinition<infer S> ? z.output<S> : never;

/** One event type: its topic, key, data and old versions in one place. */
export function defineEvent<S extends z.ZodObject>(spec: EventSpec<S>): EventDefinition<S> {
  const dataschema = `${SCHEMA_BASE}:${spec.type}:${spec.version}`;
  const strict = spec.data.strict();
  const lenient = spec.data.extend((spec.asked ?? {}) as Record<string, z.ZodType>);
  const read = (data: unknown, version: number): z.output<S> =>
    parseData(spec.type, lenient, upcast(data, version, spec)) as z.output<S>;
  return {
    ...spec,
    dataschema,
    is: (event) => event.type === spec.type,
    create: (data, origin) => ({
      ...toEnvelope(spec.type, dataschema, origin),
      data: parseData(spec.type, strict, spec.fit === undefined ? data : spec.fit(data)) as z.output<S>,
    }),
    parse: (event) => ({ ...event, dataschema, data: read(event.data, versionOf(event, spec)) }),
    read,
  };
}

/** What every reader would refuse is not written: it would be published, buried by all of them, and answered by none. */
function toEnvelope(type: string, dataschema: string, { id, source, time, ...causes }: Origin): Envelope {
  const attributes = { specversion: '1.0', id, source, type, time: time.toISOString() };
  const about = { datacontenttype: 'application/json', dataschema, ...withoutUndefined(causes) };
  return parseData(type, Envelope, { ...attributes, ...about }) as Envelope;
}

function versionOf(event: UntypedEvent, { type, version }: { type: string; version: number }): number {
  if (event.dataschema === undefined) return version;
  const match = new RegExp(`^${SCHEMA_BASE}:${type.replaceAll('.', '\\.')}:(\\d+)$`).exec(event.dataschema);
  const asked = Number(match?.[1] ?? Number.NaN);
  if (asked >= 1 && asked <= version) return asked;
  throw new AppError('request.invalid', `${type} ${event.id} has dataschema "${event.dataschema}"`, {
    known: `${SCHEMA_BASE}:${type}:1 to :${version}`,
  });
}

function upcast(
  data: unknown,
  from: number,
  spec: { type: string; version: number; upcast?: Readonly<Record<number, Upcast>> },
): unknown {
  if (from > spec.version)
    throw new AppError('request.invalid', `${spec.type} version ${from} is newer than this Holdfast knows`, {
      known: spec.version,
    });
  let current = data;
  for (let version = from; version < spec.version; version += 1) {
    const step = spec.upcast?.[version];
    if (step === undefined)
      throw new AppError('request.invalid', `${spec.type} version ${version} cannot be read any more`);
    current = step((current ?? {}) as Record<string, unknown>);
  }
  return current;
}

function parseData(type: string, schema: z.ZodType, data: unknown): unknown {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => toIssueText(issue, 'data'));
  throw new AppError('request.invalid', `${type} is not valid: ${issues.join('; ')}`, { issues });
}

function withoutUndefined(causes: Causes): Partial<Pick<Envelope, 'correlationid' | 'causationid' | 'traceparent'>> {
  return Object.fromEntries(Object.entries(causes).filter(([, value]) => value !== undefined));
}
