import { z } from 'zod';

/** Property → value, in words: `{ "type": "integer", "NOT NULL": "yes" }`. One that is as PostgreSQL takes it by itself is left out. */
const Properties = z.record(z.string(), z.string());

/** What one object of a database is made of, as PostgreSQL prints it. */
export const Definition = z.object({
  kind: z.string().describe('table, index, constraint, trigger, function, operator class, comment, …'),
  identity: z.string().describe('Qualified and quoted: `shop.orders`, `rule keep on shop.orders`'),
  of: z.string().optional().describe('The relation or type that it belongs to'),
  is: Properties,
  columns: z
    .array(z.object({ name: z.string(), is: Properties }))
    .optional()
    .describe('Of relations and composite types, in order; names are quoted'),
});
export type Definition = z.infer<typeof Definition>;
