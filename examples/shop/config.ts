import { z } from 'zod';

const Name = z.string().regex(/^[a-z][a-z0-9_]{0,50}$/, 'must be lower case letters, digits and underscores');

const Environment = z.object({
  SHOP_ADMIN_URL: z.url().default('postgres://postgres:postgres@127.0.0.1:25432/postgres'),
  SHOP_DATABASE: Name.default('shop'),
  SHOP_ROLE_PREFIX: Name.default('shop'),
  SHOP_APP_PASSWORD: z.string().min(8).default('shop-dev-app'),
  SHOP_BACKUP_PASSWORD: z.string().min(8).default('shop-dev-backup'),
  SHOP_USER_PASSWORD: z.string().min(8).default('shop-dev-user'),
  SHOP_ADMIN_TOKEN: z.string().min(8).default('shop-dev-admin-token'),
  SHOP_TOKEN_SECRET: z.string().min(8).default('shop-dev-token-secret'),
  KAFKA_BROKERS: z.string().min(1).default('127.0.0.1:29092'),
  SHOP_TOPIC: z.string().min(1).default('shop.orders'),
  SHOP_GROUP: z.string().min(1).default('shop-projector'),
  MEILI_URL: z.url().default('http://127.0.0.1:27700'),
  MEILI_KEY: z.string().default('holdfast-master-key-0123456789'),
  SHOP_INDEX: z
    .string()
    .regex(/^[\w-]{1,200}$/)
    .default('products'),
  S3_ENDPOINT: z.url().default('http://127.0.0.1:27070'),
  S3_ACCESS_KEY: z.string().min(1).default('holdfast'),
  S3_SECRET_KEY: z.string().min(1).default('holdfast-secret'),
  SHOP_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/)
    .default('shop-media'),
  SHOP_PORT: z.coerce.number().int().min(0).max(65_535).default(28_080),
  SHOP_HTTP_URL: z.url().optional(),
  SHOP_SEED_PRODUCTS: z.coerce.number().int().min(1).default(200),
  SHOP_SEED_ORDERS: z.coerce.number().int().min(0).default(40),
});

export type ShopConfig = ReturnType<typeof loadConfig>;

/** The only reader of the environment. An empty variable counts as unset. */
export function loadConfig(env: NodeJS.ProcessEnv) {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(set);
  if (!parsed.success) throw new Error(`environment: ${z.prettifyError(parsed.error)}`);
  const e = parsed.data;
  const role = (name: string) => `${e.SHOP_ROLE_PREFIX}_${name}`;
  return {
    adminUrl: e.SHOP_ADMIN_URL,
    database: e.SHOP_DATABASE,
    roles: { owner: role('owner'), app: role('app'), reader: role('reader'), backup: role('backup') },
    appPassword: e.SHOP_APP_PASSWORD,
    backupPassword: e.SHOP_BACKUP_PASSWORD,
    userPassword: e.SHOP_USER_PASSWORD,
    adminToken: e.SHOP_ADMIN_TOKEN,
    tokenSecret: e.SHOP_TOKEN_SECRET,
    brokers: e.KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
    topic: e.SHOP_TOPIC,
    group: e.SHOP_GROUP,
    meili: { url: e.MEILI_URL, key: e.MEILI_KEY, index: e.SHOP_INDEX },
    media: {
      endpoint: e.S3_ENDPOINT,
      accessKeyId: e.S3_ACCESS_KEY,
      secretAccessKey: e.S3_SECRET_KEY,
      bucket: e.SHOP_BUCKET,
    },
    port: e.SHOP_PORT,
    httpUrl: e.SHOP_HTTP_URL ?? `http://127.0.0.1:${e.SHOP_PORT}`,
    /** Per tenant. */
    seed: { products: e.SHOP_SEED_PRODUCTS, orders: e.SHOP_SEED_ORDERS },
  };
}
