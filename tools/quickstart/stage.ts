import type { Crew } from '#tools/sandbox/crew.js';
import type { Sandbox } from '#tools/sandbox/sandbox.js';
import type { Secrets } from '#tools/sandbox/secrets.js';
import type { Shop } from '#tools/sandbox/shop.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import type { BusClient } from './bus-client.js';
import type { Reporter } from './reporter.js';

/** What every step of the story works with. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly secrets: Secrets;
  readonly crew: Crew;
  readonly shop: Shop;
  readonly bus: BusClient;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** What is protected, and where it comes back: the shop's database, and its pictures. */
export const database = { dataset: 'shop', target: 'production' } as const;
export const media = { dataset: 'media', target: 'pictures', destination: '/' } as const;

/** The ids of the two backups. */
export interface Backups {
  readonly database: string;
  readonly media: string;
}

export const summarize = ({ shop }: Stage): Promise<ShopSummary> => shop.run<ShopSummary>('summary');

export const toSummaryText = ({ orders, totalCents, tenants, isConsistent }: ShopSummary): string => {
  const products = tenants.reduce((sum, tenant) => sum + tenant.products, 0);
  const books = isConsistent ? 'the books balance' : 'THE BOOKS DO NOT BALANCE';
  return `${tenants.length} tenants, ${products} products, ${orders} orders worth ${(totalCents / 100).toFixed(2)}; ${books}`;
};
