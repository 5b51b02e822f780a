import { buildSchema, GraphQLError, graphql } from 'graphql';
import type pg from 'pg';
import { z } from 'zod';
import { asTenant, inTransaction } from './database.js';
import { describeError, log } from './log.js';
import { countOrders, listOrders } from './orders.js';
import type { Pictures } from './pictures.js';
import type { ProductDocument, ProductIndex } from './product-index.js';
import { addProduct, listProducts, type NewProduct, productsById, setPrice } from './products.js';
import { logIn } from './sessions.js';
import { type Session, signSession } from './tokens.js';

const schema = buildSchema(`
  type Product { id: ID!  name: String!  description: String!  priceCents: Int!  "GET /pictures/<picture>" picture: String! }
  "of a product that changed"
  type Changed { id: ID! }
  type Order { orderNo: Int!  orderId: ID!  status: String!  totalCents: Float!  placedAt: String! }
  type BestSeller { productId: ID!  productName: String!  sold: Int! }
  type Login { token: String!  tenantId: ID!  expiresAt: String! }
  type Query {
    "ok once the database has answered"
    health: String!
    "with a search, the search engine chooses; without, by name"
    products(search: String, limit: Int = 20): [Product!]!
    "latest first"
    orders(limit: Int = 20): [Order!]!
    orderCount: Int!
    bestSellers(limit: Int = 10): [BestSeller!]!
  }
  type Mutation {
    login(email: String!, password: String!): Login!
    "staff only"
    setPrice(id: ID!, priceCents: Int!): Changed!
    "staff only"
    addProduct(name: String!, description: String!, priceCents: Int!): Changed!
  }
`);

export type ShopContext = {
  pool: pg.Pool;
  index: ProductIndex;
  pictures: Pictures;
  tokenSecret: string;
  session: Session | undefined;
};

const GraphQLRequest = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

const refused = (code: string, message: string) => new GraphQLError(message, { extensions: { code } });
const cap = (limit: number) => Math.max(0, Math.min(limit, 1_000));

function sessionOf(context: ShopContext): Session {
  if (context.session === undefined) throw refused('UNAUTHENTICATED', 'log in first');
  return context.session;
}

/** Runs inside the caller's tenant. */
const inTenant = <T>(context: ShopContext, work: (tx: pg.PoolClient) => Promise<T>) =>
  asTenant(context.pool, sessionOf(context).tenantId, work);

/** Changes a product in the database, then in the search index. */
async function changeProduct(
  context: ShopContext,
  work: (tx: pg.PoolClient, tenantId: string) => Promise<ProductDocument | undefined>,
) {
  const { isStaff, tenantId } = sessionOf(context);
  if (!isStaff) throw refused('FORBIDDEN', 'only staff change products');
  const document = await inTenant(context, (tx) => work(tx, tenantId));
  if (document === undefined) throw refused('NOT_FOUND', 'no such product');
  await context.index.put([document]);
  return document;
}

const resolvers = {
  async health(_: unknown, { pool }: ShopContext) {
    await inTransaction(pool, (tx) => tx.query('SELECT version FROM schema_migrations'));
    return 'ok';
  },
  async products({ search, limit }: { search?: string | null; limit: number }, context: ShopContext) {
    if (!search) return inTenant(context, (tx) => listProducts(tx, cap(limit)));
    const ids = await context.index.search(sessionOf(context).tenantId, search, cap(limit));
    return inTenant(context, (tx) => productsById(tx, ids));
  },
  orders: ({ limit }: { limit: number }, context: ShopContext) => inTenant(context, (tx) => listOrders(tx, cap(limit))),
  orderCount: (_: unknown, context: ShopContext) => inTenant(context, countOrders),
  async bestSellers({ limit }: { limit: number }, context: ShopContext) {
    const sql = `SELECT product_id AS "productId", product_name AS "productName", sold::int FROM best_sellers($1)`;
    return (await inTenant(context, (tx) => tx.query(sql, [cap(limit)]))).rows;
  },
  async login({ email, password }: { email: string; password: string }, { pool, tokenSecret }: ShopContext) {
    const session = await logIn(pool, email, password);
    if (session === undefined) throw refused('UNAUTHENTICATED', 'address or password is wrong');
    return { token: signSession(session, tokenSecret), tenantId: session.tenantId, expiresAt: session.expiresAt };
  },
  setPrice: ({ id, priceCents }: { id: string; priceCents: number }, context: ShopContext) =>
    changeProduct(context, (tx) => setPrice(tx, id, priceCents)),
  addProduct: (product: NewProduct, context: ShopContext) =>
    changeProduct(context, (tx, tenantId) => addProduct(tx, tenantId, { ...product, pictures: context.pictures })),
};

/** Answers one GraphQL request; undefined when `body` is none. What went wrong inside is logged, and left out of the answer. */
export async function answerGraphql(body: unknown, context: ShopContext) {
  const request = GraphQLRequest.safeParse(body);
  if (!request.success) return undefined;
  const { query, variables, operationName } = request.data;
  const result = await graphql({
    schema,
    source: query,
    rootValue: resolvers,
    contextValue: context,
    variableValues: variables ?? {},
    operationName: operationName ?? undefined,
  });
  return { ...result, ...(result.errors && { errors: result.errors.map(hideInternals) }) };
}

function hideInternals(error: GraphQLError): GraphQLError {
  const { originalError } = error;
  if (originalError === undefined || originalError instanceof GraphQLError) return error;
  log('error', 'query failed', { error: describeError(originalError), path: error.path });
  return new GraphQLError('the shop cannot answer this at the moment', {
    path: error.path,
    extensions: { code: 'UNAVAILABLE' },
  });
}
