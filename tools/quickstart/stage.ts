import type { Scene } from '#tools/sandbox/scene.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import type { BusClient } from './bus-client.js';

/** What every step of the story works with. */
export interface Stage extends Scene {
  readonly bus: BusClient;
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
