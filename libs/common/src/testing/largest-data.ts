import { z } from 'zod';
import type { EventDefinition } from '#common/contracts/define-event.js';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly maxProperties?: number;
}

/** One of them suits every pattern of the contracts. */
const SAMPLES = [
  'shop',
  '01890000-0000-7000-8000-000000000000',
  '2026-11-21T10:00:00Z',
  '9223372036854775807',
  '16/B374D848',
];

/** Texts that others bound: names of the configuration and of requests, keys, steps. */
const BOUNDED = { destination: 1_024, target: 63, stage: 200, manifestKey: 500, requestId: 200, requestSource: 500 };

/** Six bytes each on the wire. */
const worst = (characters: number): string => '\u0001'.repeat(characters);

/** Data of an event, larger than any that is possible: lists of thousands, texts of which every character takes six bytes. */
export function largestData(definition: EventDefinition): never {
  const { properties = {} } = z.toJSONSchema(definition.data, { io: 'input', reused: 'inline' }) as Schema;
  const data = Object.entries(properties).map(([name, schema]) => [name, toBounded(name) ?? largest(schema, 0)]);
  return Object.fromEntries(data) as never;
}

function toBounded(name: string): string | undefined {
  if (name === 'runId') return SAMPLES[1];
  const characters = BOUNDED[name as keyof typeof BOUNDED];
  return characters === undefined ? undefined : 'x'.repeat(characters);
}

function largest(schema: Schema, depth: number): unknown {
  const { type, anyOf, oneOf, items, maxItems = 3_000, properties } = schema;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const alternative = anyOf?.[0] ?? oneOf?.at(-1);
  if (alternative !== undefined) return largest(alternative, depth);
  if (type === 'string') return largestText(schema, depth);
  if (type === 'integer' || type === 'number') return Math.max(1, schema.minimum ?? 1);
  if (type === 'boolean') return true;
  if (items !== undefined)
    return Array.from({ length: Math.min(maxItems, depth === 0 ? 3_000 : 60) }, () => largest(items, depth + 1));
  if (properties !== undefined)
    return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, largest(of, depth)]));
  return type === 'object' ? largestRecord(schema, depth) : worst(1_000);
}

function largestRecord({ maxProperties, additionalProperties }: Schema, depth: number): unknown {
  if (maxProperties !== undefined) return largestCounts(maxProperties);
  if (typeof additionalProperties !== 'object' || additionalProperties.items === undefined) return largestContext();
  // Lists by name.
  return Object.fromEntries(['first', 'second', 'third'].map((name) => [name, largest(additionalProperties, depth)]));
}

const largestCounts = (names: number) =>
  Object.fromEntries(Array.from({ length: names }, (_, n) => [`count-${n}-`.padEnd(63, 'x'), Number.MAX_SAFE_INTEGER]));

function largestText({ pattern, maxLength }: Schema, depth: number): string | undefined {
  if (pattern !== undefined) return SAMPLES.find((sample) => new RegExp(pattern).test(sample));
  return worst(maxLength ?? (depth === 0 ? 20_000 : 1_000));
}

const largestContext = () => ({
  stderr: worst(30_000),
  errors: Array.from({ length: 3_000 }, () => worst(1_000)),
  tables: { public: Array.from({ length: 50_000 }, () => 'public.a_table') },
  code: 1,
});
