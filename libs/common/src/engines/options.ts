import type { ZodObject, z } from 'zod';

/** What the configuration says of a dataset or a target of one kind. */
export interface Options<Common, Whole> {
  /** Of this kind alone: the core adds what every kind has. */
  readonly schema: ZodObject;
  /** `options`: as the schema accepted them. Throws: config.invalid. */
  resolve(common: Common, options: Readonly<Record<string, unknown>>): Whole;
}

/** Ties options to their schema. */
export const defineOptions = <Schema extends ZodObject, Common, Whole>(
  schema: Schema,
  resolve: (common: Common, options: z.output<Schema>) => Whole,
): Options<Common, Whole> => ({ schema, resolve: (common, options) => resolve(common, schema.parse(options)) });
