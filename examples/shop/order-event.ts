import { z } from 'zod';

const MAX_INTEGER = 2_147_483_647;
/** Only what the database can hold: an event that passes here is never refused there. */
const StorableText = z.string().refine((text) => text.isWellFormed() && !text.includes('\0'), 'not storable text');

/** The JSON value on the shop's topic; its key is the tenant id. */
export const OrderPlaced = z.object({
  type: z.literal('order.placed'),
  orderId: z.guid(),
  tenantId: z.guid(),
  userId: z.guid(),
  placedAt: z.iso.datetime(),
  totalCents: z.int().min(0),
  items: z
    .array(
      z.object({
        productId: z.guid(),
        productName: StorableText,
        quantity: z.int().min(1).max(1_000),
        unitPriceCents: z.int().min(0).max(MAX_INTEGER),
      }),
    )
    .min(1)
    .max(100),
});
export type OrderPlaced = z.infer<typeof OrderPlaced>;

/** What a customer sends. The order id is the customer's, if given, so that asking again cannot order twice. */
export const OrderRequest = z.object({
  orderId: z.guid().optional(),
  items: z
    .array(z.object({ productId: z.guid(), quantity: z.int().min(1).max(1_000) }))
    .min(1)
    .max(100),
});
export type OrderRequest = z.infer<typeof OrderRequest>;

export type ParsedEvent = { event: OrderPlaced } | { reason: string };

/** Untrusted bytes in, an order or the reason why they can never be one. */
export function parseOrderPlaced(value: Buffer | null): ParsedEvent {
  if (value === null) return { reason: 'no value' };
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return { reason: 'not JSON' };
  }
  const parsed = OrderPlaced.safeParse(json);
  return parsed.success ? { event: parsed.data } : { reason: z.prettifyError(parsed.error) };
}
