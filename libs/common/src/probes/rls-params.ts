import { z } from 'zod';

const TenantFunction = z
  .strictObject({
    call: z.string().min(1).describe('With arguments: shop.my_orders()'),
    column: z.string().optional().describe('The tenant column of the rows it returns'),
    equals: z.string().optional().describe('For one value: SQL that gives the right one, $1 the tenant as text'),
  })
  .refine(({ column, equals }) => (column === undefined) !== (equals === undefined), 'needs either column or equals');
export type TenantFunction = z.output<typeof TenantFunction>;

export const RlsBehaviour = z.strictObject({
  role: z.string().min(1).describe('The role that the application queries as'),
  tenantSetting: z
    .string()
    .regex(/^[\w.]+$/)
    .describe('The setting that policies read: app.tenant_id'),
  column: z.string().optional().describe('The tenant column; default: tenantTables.column of the dataset'),
  tables: z.array(z.string()).optional().describe('schema.table with *; default: every table with row-level security'),
  views: z.array(z.string()).default(['*']).describe('schema.view with *; those with the tenant column are read'),
  functions: z.array(TenantFunction).default([]).describe('Called as the tenant'),
  samples: z.int().min(1).max(100).default(3).describe('Tenants tried per table, those with most rows first'),
});
export type RlsBehaviour = z.output<typeof RlsBehaviour>;

export const RlsParams = z.strictObject({
  behaviour: RlsBehaviour.optional().describe('Also try it out as a tenant, in transactions that are rolled back'),
});
export type RlsParams = z.output<typeof RlsParams>;
