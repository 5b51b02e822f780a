import { z } from 'zod';

const TenantFunction = z
  .strictObject({
    call: z.string().min(1).describe('With arguments: shop.my_orders()'),
    column: z.string().optional().describe('The tenant column of the rows it returns'),
    equals: z.string().optional().describe('For one value: SQL that gives the right one, $1 the tenant as text'),
  })
  .refine(({ column, equals }) => (column === undefined) !== (equals === undefined), 'needs either column or equals');

const TenantApplicationOptions = z.strictObject({
  role: z
    .string()
    .min(1)
    .describe('The role that the application queries as; the backup’s own role must be allowed to act as it'),
  tenantSetting: z
    .string()
    .regex(/^[\w.]+$/)
    .describe('The setting that policies read: app.tenant_id'),
  tables: z.array(z.string()).optional().describe('schema.table with *; default: every table with row-level security'),
  views: z.array(z.string()).default(['*']).describe('schema.view with *; those with the tenant column are read'),
  functions: z.array(TenantFunction).default([]).describe('Called as the tenant'),
  samples: z.int().min(1).max(100).default(3).describe('Tenants looked at per table, those with most rows first'),
});

export const TenantTablesOptions = z.strictObject({
  schema: z.string().default('public'),
  column: z.string().describe('Tables of the schema with this column belong to tenants'),
  application: TenantApplicationOptions.optional().describe(
    'What it sees is recorded in every backup’s snapshot, and tried out by the rls probe',
  ),
});
