import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShopConfig } from './config.js';
import { TENANTS } from './tenants.js';

const TRIES = 4;
const AT_ONCE = 8;
const WAIT_MS = 60_000;

export type PlacedOrders = {
  placed: number;
  totalCents: number;
  orderIds: string[];
  perTenant: Record<string, number>;
};
export type ChangedCatalog = { repriced: number; added: number };

/** What a browser would do: everything over HTTP, with the tenant's own login. */
class Visit {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async as(email: string, { httpUrl, userPassword }: ShopConfig): Promise<Visit> {
    const query =
      'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { token } }';
    const anonymous = new Visit(httpUrl, '');
    const data = await anonymous.ask<{ login: { token: string } }>(query, { email, password: userPassword });
    return new Visit(httpUrl, data.login.token);
  }

  async ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const response = await this.post('/graphql', { query, variables });
    const answer = (await response.json()) as { data?: T; errors?: { message: string }[] };
    if (answer.errors || !answer.data)
      throw new Error(`the shop answered: ${answer.errors?.[0]?.message ?? response.status}`);
    return answer.data;
  }

  /** Asks again with the same order id, so that a lost answer does not become a second order. */
  async order(items: { productId: string; quantity: number }[]): Promise<{ orderId: string; totalCents: number }> {
    const orderId = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.post('/orders', { orderId, items });
      if (response.status === 202) return (await response.json()) as { orderId: string; totalCents: number };
      if (response.status !== 503 || attempt === TRIES)
        throw new Error(`order refused: ${response.status} ${await response.text()}`);
      await sleep(200 * 2 ** attempt);
    }
  }

  private post(path: string, body: unknown): Promise<Response> {
    const headers = {
      'content-type': 'application/json',
      ...(this.token && { authorization: `Bearer ${this.token}` }),
    };
    return fetch(new URL(path, this.url), { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

const countOf = async (visit: Visit) => (await visit.ask<{ orderCount: number }>('{ orderCount }')).orderCount;

/** Places `count` orders, tenant after tenant; with `waitForProjection` returns once the shop shows them all. */
export async function placeOrders(
  config: ShopConfig,
  o: { count: number; waitForProjection: boolean },
): Promise<PlacedOrders> {
  const result: PlacedOrders = { placed: 0, totalCents: 0, orderIds: [], perTenant: {} };
  for (const [position, tenant] of TENANTS.entries()) {
    const share = Math.floor(o.count / TENANTS.length) + (position < o.count % TENANTS.length ? 1 : 0);
    const visit = await Visit.as(`customer@${tenant.domain}`, config);
    const before = await countOf(visit);
    const { products } = await visit.ask<{ products: { id: string }[] }>('{ products(limit: 50) { id } }');
    const pick = (seed: number) => (products[seed % products.length] as { id: string }).id;
    for (let start = 0; start < share; start += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, share - start) }, (_, i) => start + i);
      const placed = await Promise.all(numbers.map((n) => visit.order(basket(n, pick))));
      result.orderIds.push(...placed.map((order) => order.orderId));
      result.totalCents += placed.reduce((sum, order) => sum + order.totalCents, 0);
    }
    result.placed += share;
    result.perTenant[tenant.name] = share;
    if (o.waitForProjection) await waitForCount(visit, before + share);
  }
  return result;
}

const basket = (n: number, pick: (seed: number) => string) =>
  Array.from({ length: 1 + (n % 3) }, (_, i) => ({ productId: pick(n * 7 + i), quantity: 1 + ((n + i) % 4) }));

async function waitForCount(visit: Visit, wanted: number): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (let seen = await countOf(visit); seen < wanted; seen = await countOf(visit)) {
    if (performance.now() > deadline)
      throw new Error(`the shop shows ${seen} of ${wanted} orders; is the projector running?`);
    await sleep(100);
  }
}

/** Staff of every tenant raise `count` prices and add `count` products: database and search index move on. */
export async function changeCatalog(config: ShopConfig, { count }: { count: number }): Promise<ChangedCatalog> {
  const reprice = 'mutation ($id: ID!, $cents: Int!) { setPrice(id: $id, priceCents: $cents) { id } }';
  const add =
    'mutation ($name: String!, $text: String!) { addProduct(name: $name, description: $text, priceCents: 4200) { id } }';
  const result: ChangedCatalog = { repriced: 0, added: 0 };
  for (const tenant of TENANTS) {
    const visit = await Visit.as(`owner@${tenant.domain}`, config);
    const query = 'query ($limit: Int!) { products(limit: $limit) { id priceCents } }';
    const { products } = await visit.ask<{ products: { id: string; priceCents: number }[] }>(query, { limit: count });
    for (const { id, priceCents } of products) await visit.ask(reprice, { id, cents: priceCents + 100 });
    for (let n = 1; n <= count; n += 1)
      await visit.ask(add, { name: `Brand New Thing ${n}`, text: 'Not yet in any backup.' });
    result.repriced += products.length;
    result.added += count;
  }
  return result;
}
