import { z } from 'zod';

/** How many rows of one relation the application's role saw for one tenant. */
export const SeenRows = z.object({
  relation: z.string().describe('`table public.orders`, `view …`, `function …`'),
  tenant: z.string().nullable().describe('null: the setting was unknown, as on a fresh connection'),
  own: z.int().min(0),
  others: z.int().min(0).describe('Of other tenants'),
  unowned: z.int().min(0).describe('Of no tenant'),
});
export type SeenRows = z.infer<typeof SeenRows>;

/** What the application's role saw in the dump's own snapshot, for tenants that were sampled. */
export const TenantFacts = z.object({
  role: z.string(),
  tenantSetting: z.string(),
  column: z.string(),
  reason: z.string().nullable().describe('Why nothing was recorded'),
  seen: z.array(SeenRows),
  unreadable: z.array(z.string()).describe('Relations that the role had no privilege to read'),
  unseen: z.array(z.object({ relation: z.string(), reason: z.string() })).describe('Relations that were not recorded'),
});
export type TenantFacts = z.infer<typeof TenantFacts>;
