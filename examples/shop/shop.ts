import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { Backfills } from './backfills.js';
import type { ShopConfig } from './config.js';
import { asTenant, openAppPool } from './database.js';
import { answerGraphql } from './graphql-api.js';
import { closeServer, createHttpServer, HttpError, listen, type Reply, type Request, type Route } from './http.js';
import { OrderRequest } from './order-event.js';
import { OrderPublisher } from './order-publisher.js';
import { toOrderPlaced } from './orders.js';
import { Pictures } from './pictures.js';
import { ProductIndex } from './product-index.js';
import { rebuildIndex } from './rebuild-index.js';
import { isSameSecret, readSession, type Session } from './tokens.js';

export type Shop = { url: string; stop(): Promise<void> };
type Parts = {
  config: ShopConfig;
  pool: pg.Pool;
  index: ProductIndex;
  pictures: Pictures;
  publisher: OrderPublisher;
  backfills: Backfills;
};

const path = (pathname: string) => new URLPattern({ pathname });

/** The HTTP side of the shop. Starts whether or not database, bus and search are there: requests that need them fail until they are. */
export async function startShop(config: ShopConfig): Promise<Shop> {
  const pool = openAppPool(config, 10);
  const index = new ProductIndex(config);
  const pictures = new Pictures(config);
  const publisher = new OrderPublisher(config);
  const backfills = new Backfills((signal, onProgress) => rebuildIndex(pool, index, { signal, onProgress }));
  const server = createHttpServer(routes({ config, pool, index, pictures, publisher, backfills }));
  const port = await listen(server, config.port);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await closeServer(server);
      await backfills.stop();
      await publisher.close();
      pictures.close();
      await pool.end();
    },
  };
}

function routes(parts: Parts): Route[] {
  const sessionOf = ({ bearer }: Request) => bearer && readSession(bearer, parts.config.tokenSecret, new Date());
  const forAdmin = (request: Request) => {
    if (!isSameSecret(request.bearer ?? '', parts.config.adminToken))
      throw new HttpError(401, 'the admin token is missing or wrong');
  };
  return [
    { method: 'GET', path: path('/health'), handle: () => health(parts) },
    {
      method: 'POST',
      path: path('/graphql'),
      handle: async (request) => {
        const { pool, index, pictures, config } = parts;
        const context = {
          pool,
          index,
          pictures,
          tokenSecret: config.tokenSecret,
          session: sessionOf(request) || undefined,
        };
        const body = await answerGraphql(request.body, context);
        if (body === undefined) throw new HttpError(400, 'send {"query": "...", "variables": {...}}');
        return { status: 200, body };
      },
    },
    {
      method: 'POST',
      path: path('/orders'),
      handle: (request) => {
        const session = sessionOf(request);
        if (!session) throw new HttpError(401, 'log in first');
        return takeOrder(request.body, session, parts);
      },
    },
    {
      method: 'GET',
      path: path('/pictures/:key'),
      handle: async ({ params: { key = '' } }) => {
        const found = await parts.pictures.find(key);
        if (found === undefined) throw new HttpError(404, 'no such picture');
        return { status: 200, body: found.bytes, contentType: found.contentType };
      },
    },
    {
      method: 'POST',
      path: path('/admin/search/backfill'),
      handle: async (request) => {
        forAdmin(request);
        return { status: 202, body: parts.backfills.start() };
      },
    },
    {
      method: 'GET',
      path: path('/admin/search/backfill/:id'),
      handle: async (request) => {
        forAdmin(request);
        const backfill = parts.backfills.find(request.params['id'] ?? '');
        if (backfill === undefined) throw new HttpError(404, 'no such backfill in this process');
        return { status: 200, body: backfill };
      },
    },
  ];
}

async function health({ pool }: Parts): Promise<Reply> {
  await pool.query('SELECT version FROM schema_migrations LIMIT 1');
  return { status: 200, body: { status: 'ok' } };
}

/** 202: the order is on the bus; it is in the database when the projector has seen it. */
async function takeOrder(body: unknown, session: Session, { pool, publisher }: Parts): Promise<Reply> {
  const parsed = OrderRequest.safeParse(body);
  if (!parsed.success)
    throw new HttpError(400, 'send {"orderId": UUID, "items": [{"productId": UUID, "quantity": 1}]}');
  const request = { ...parsed.data, orderId: parsed.data.orderId?.toLowerCase() ?? randomUUID() };
  const order = await asTenant(pool, session.tenantId, (tx) =>
    toOrderPlaced(tx, request, { session, placedAt: new Date() }),
  );
  if (order === undefined) throw new HttpError(422, 'the shop does not sell all of these products');
  await publisher.publish(order);
  return { status: 202, body: { orderId: order.orderId, totalCents: order.totalCents } };
}
