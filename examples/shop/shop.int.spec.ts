import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { Meilisearch } from 'meilisearch';
import pg from 'pg';
import type { Backfill } from './backfills.js';
import { loadConfig } from './config.js';
import type { PlacedOrders } from './customer.js';
import { asAdmin } from './database.js';
import type { OrderPlaced } from './order-event.js';
import { Pictures } from './pictures.js';
import { type Service, ShopUnderTest } from './shop-under-test.js';
import { type ShopSummary, summarize } from './summary.js';
import { TENANTS } from './tenants.js';

const suffix = randomBytes(4).toString('hex');
const name = `shop_spec_${suffix}`;
const shop = new ShopUnderTest({
  SHOP_DATABASE: name,
  SHOP_ROLE_PREFIX: name,
  SHOP_TOPIC: `${name}.orders`,
  SHOP_GROUP: `${name}-projector`,
  SHOP_INDEX: name,
  SHOP_PORT: '0',
  SHOP_SEED_PRODUCTS: '30',
  SHOP_SEED_ORDERS: '5',
});
const config = loadConfig({ ...process.env, ...shop.env });
const kafka = new Kafka({ brokers: config.brokers, logLevel: logLevel.ERROR });
const [acme, borealis] = TENANTS;
const SEEDED = 15;
let url = '';

const summary = () => summarize(config);

async function until<T>(load: () => Promise<T>, isWanted: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await load();
    if (isWanted(value)) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain; last seen ${JSON.stringify(value)}`);
    await sleep(100);
  }
}

async function send(
  path: string,
  body: unknown,
  token = '',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function ask<T>(
  query: string,
  token?: string,
): Promise<{ data: T; errors?: { extensions: { code: string } }[] }> {
  return (await send('/graphql', { query }, token)).body as Awaited<ReturnType<typeof ask<T>>>;
}

async function logIn(email: string): Promise<string> {
  const query = `mutation { login(email: "${email}", password: "${config.userPassword}") { token } }`;
  return (await ask<{ login: { token: string } }>(query)).data.login.token;
}

async function publish(key: string, value: string): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic: config.topic, messages: [{ key, value }] });
  await producer.disconnect();
}

const orderOf = (tenantId: string): OrderPlaced => ({
  type: 'order.placed',
  orderId: crypto.randomUUID(),
  tenantId,
  userId: crypto.randomUUID(),
  placedAt: '2026-05-01T10:00:00.000Z',
  totalCents: 300,
  items: [{ productId: crypto.randomUUID(), productName: 'Late Lamp', quantity: 3, unitPriceCents: 100 }],
});

describe('the sample shop', () => {
  let projector: Service;
  const projectorLog: string[] = [];

  beforeAll(async () => {
    await shop.run('create');
    const [server, consumer] = await Promise.all([
      shop.start('serve'),
      shop.start('project', (line) => projectorLog.push(line)),
    ]);
    projector = consumer;
    url = server.ready['url'] as string;
    shop.env['SHOP_HTTP_URL'] = url;
  }, 60_000);

  afterAll(async () => {
    await shop.stopAll();
    await shop.run('drop');
  }, 60_000);

  it('answers health, logs in, and lets a tenant browse and search its own products only', async () => {
    expect((await ask('{ health }')).data).toEqual({ health: 'ok' });
    const wrong = await ask(`mutation { login(email: "customer@${acme.domain}", password: "guess") { token } }`);
    expect(wrong.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect((await ask('{ products { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');

    type Products = { products: { id: string; name: string }[] };
    const queries = ['{ products(limit: 100) { id name } }', '{ products(search: "lamp", limit: 100) { id name } }'];
    const seen = [];
    for (const tenant of [acme, borealis]) {
      const token = await logIn(`customer@${tenant.domain}`);
      for (const query of queries) seen.push((await ask<Products>(query, token)).data.products);
    }
    const [listed = [], found = [], others = [], othersFound = []] = seen;
    expect(listed).toHaveLength(30);
    expect(others).toHaveLength(30);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((product) => listed.some((own) => own.id === product.id))).toBe(true);
    expect(othersFound.every((product) => others.some((own) => own.id === product.id))).toBe(true);
    expect(listed.some((product) => others.some((other) => other.id === product.id))).toBe(false);
  });

  it('has a picture for every product, also for one that staff add, and shows it', async () => {
    await shop.run('change-catalog', '--count', '1');
    const { rows } = await asAdmin(
      config,
      (client) => client.query<{ name: string; picture: string }>('SELECT name, picture FROM products'),
      name,
    );
    expect(rows).toHaveLength(93);
    for (const { name: product, picture } of rows) {
      const answer = await fetch(`${url}/pictures/${picture}`);
      expect(answer.headers.get('content-type')).toBe('image/svg+xml');
      expect(await answer.text()).toContain(`<title>${product}</title>`);
    }
    const pictures = new Pictures(config);
    expect(await pictures.find('none.svg')).toBeUndefined();
    pictures.close();
    expect((await send('/pictures/none.svg', undefined)).status).toBe(404);
  });

  it('projects every accepted order once, numbers without holes', async () => {
    const placed = await shop.run<PlacedOrders>('place-orders', '--count', '10', '--wait');
    expect(placed.orderIds).toHaveLength(10);
    const after = await shop.run<ShopSummary>('summary');
    expect(after).toMatchObject({ orders: SEEDED + 10, isConsistent: true, rejectedEvents: 0 });
    const token = await logIn(`customer@${acme.domain}`);
    const { data } = await ask<{ orders: { orderNo: number }[]; orderCount: number }>(
      '{ orders { orderNo } orderCount }',
      token,
    );
    expect(data.orderCount).toBe(9);
    expect(data.orders.map((order) => order.orderNo)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('refuses an order without a login, without sense, or for what is not sold', async () => {
    const token = await logIn(`customer@${acme.domain}`);
    const items = [{ productId: crypto.randomUUID(), quantity: 1 }];
    expect((await send('/orders', { items })).status).toBe(401);
    expect((await send('/orders', { items }, `${token}x`)).status).toBe(401);
    expect((await send('/orders', { items: [] }, token)).status).toBe(400);
    expect((await send('/orders', { items }, token)).status).toBe(422);
  });

  it('rebuilds its search index: what the database lacks is gone, what it has is there', async () => {
    await shop.run('change-catalog', '--count', '2');
    const index = new Meilisearch({ host: config.meili.url, apiKey: config.meili.key }).index(config.meili.index);
    await asAdmin(config, (client) => client.query(`DELETE FROM products WHERE name LIKE 'Brand New%'`), name);
    expect((await index.getStats()).numberOfDocuments).toBe(99);

    expect((await send('/admin/search/backfill', {}, 'wrong')).status).toBe(401);
    const started = await send('/admin/search/backfill', {}, config.adminToken);
    expect(started.status).toBe(202);
    const load = async () =>
      (await send(`/admin/search/backfill/${started.body['id']}`, undefined, config.adminToken)).body as Backfill;
    expect(await until(load, (backfill) => backfill.state !== 'running')).toMatchObject({
      state: 'succeeded',
      indexed: 90,
    });
    expect((await index.getStats()).numberOfDocuments).toBe(90);
  });

  it('keeps tenants apart for the application role, in tables, views and functions, and hides nothing from the backup role', async () => {
    const { hostname, port: dbPort } = new URL(config.adminUrl);
    const connect = async (user: string, password: string) => {
      const client = new pg.Client({ host: hostname, port: Number(dbPort), user, password, database: name });
      await client.connect();
      return client;
    };
    const tenantsIn = async (client: pg.Client, from: string) =>
      (await client.query<{ id: string }>(`SELECT DISTINCT tenant_id AS id FROM ${from} ORDER BY 1`)).rows.map(
        (row) => row.id,
      );
    const app = await connect(config.roles.app, config.appPassword);
    const backup = await connect(config.roles.backup, config.backupPassword);
    const tables = ['users', 'products', 'orders', 'order_items', 'order_totals'];
    const derived = ['tenant_products', 'tenant_orders', 'order_summary()', 'best_sellers(1000)'];
    try {
      for (const from of [...tables, ...derived]) {
        await app.query('RESET app.tenant_id');
        expect([from, await tenantsIn(app, from)]).toEqual([from, []]);
        await app.query(`SET app.tenant_id = '${acme.id}'`);
        expect([from, await tenantsIn(app, from)]).toEqual([from, [acme.id]]);
      }
      const stolen = app.query(`UPDATE products SET tenant_id = '${borealis.id}'`);
      await expect(stolen).rejects.toThrow('row-level security');
      for (const from of tables)
        expect([from, await tenantsIn(backup, from)]).toEqual([from, TENANTS.map((t) => t.id)]);
    } finally {
      await app.end();
      await backup.end();
    }
  });

  it('sets an event aside that can never be an order, and goes on', async () => {
    await publish(acme.id, '{"type":"order.placed"');
    await publish(acme.id, JSON.stringify(orderOf(acme.id)));
    const after = await until(summary, (s) => s.orders === SEEDED + 11);
    expect(after).toMatchObject({ rejectedEvents: 1, isConsistent: true });
  });

  it('waits for a database that is gone, skips nothing, and after a replay has every order again, none twice', async () => {
    const before = await summary();
    await shop.run('drop', '--database-only');
    await publish(borealis.id, JSON.stringify(orderOf(borealis.id)));
    await until(
      async () => projectorLog,
      (lines) => lines.some((line) => line.includes('could not project orders')),
    );
    await shop.run('create');
    await until(summary, (s) => s.orders === SEEDED + 1);

    expect(await projector.stop()).toBe(0);
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteGroups([config.group]);
    await admin.disconnect();
    projector = await shop.start('project');

    const after = await until(summary, (s) => s.orders === before.orders + 1);
    expect(after.isConsistent).toBe(true);
    const untouched = (s: ShopSummary) =>
      s.tenants.filter((t) => t.tenantId !== borealis.id).map((t) => t.ordersDigest);
    expect(untouched(after)).toEqual(untouched(before));
    expect(await shop.run<PlacedOrders>('place-orders', '--count', '3', '--wait')).toMatchObject({ placed: 3 });
    expect(await summary()).toMatchObject({ orders: before.orders + 4, isConsistent: true });
  }, 60_000);
});
