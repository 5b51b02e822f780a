import { randomBytes } from 'node:crypto';
import { endpoints } from '#tools/services/endpoints.js';
import { configPath, type Sandbox, urlOf } from './sandbox.js';

/** Made anew for each run, or fixed by the development services. The configuration refers to them by name only. */
export interface Secrets {
  readonly adminPassword: string;
  readonly apiToken: string;
  readonly shopAdminToken: string;
  readonly shopUserPassword: string;
  readonly backupPassword: string;
  readonly appPassword: string;
  readonly tokenSecret: string;
}

const secret = (): string => randomBytes(16).toString('hex');

export const makeSecrets = (): Secrets => ({
  adminPassword: secret(),
  apiToken: secret(),
  shopAdminToken: secret(),
  shopUserPassword: secret(),
  backupPassword: secret(),
  appPassword: secret(),
  tokenSecret: secret(),
});

const { host, port } = endpoints.postgres18;
const toPgUrl = (user: string, password: string, database: string): string =>
  `postgres://${user}:${password}@${host}:${port}/${database}`;

/** What `${env:…}` in holdfast.yaml stands for. */
export const toHoldfastEnvironment = (sandbox: Sandbox, secrets: Secrets): Record<string, string> => ({
  HOLDFAST_CONFIG: configPath(sandbox),
  CATALOG_URL: toPgUrl(sandbox.adminRole, secrets.adminPassword, sandbox.catalogDatabase),
  TARGET_URL: toPgUrl(sandbox.adminRole, secrets.adminPassword, 'postgres'),
  SHOP_URL: toPgUrl(`${sandbox.shop.rolePrefix}_backup`, secrets.backupPassword, sandbox.shop.database),
  API_TOKEN: secrets.apiToken,
  S3_SECRET_KEY: endpoints.s3.secretAccessKey,
  MEILI_KEY: endpoints.meilisearch.masterKey,
  SHOP_USER_PASSWORD: secrets.shopUserPassword,
});

/** The shop's settings; see examples/shop/README.md. */
export const toShopEnvironment = (sandbox: Sandbox, secrets: Secrets): Record<string, string> => ({
  SHOP_ADMIN_URL: endpoints.postgres18.url,
  SHOP_DATABASE: sandbox.shop.database,
  SHOP_ROLE_PREFIX: sandbox.shop.rolePrefix,
  SHOP_APP_PASSWORD: secrets.appPassword,
  SHOP_BACKUP_PASSWORD: secrets.backupPassword,
  SHOP_USER_PASSWORD: secrets.shopUserPassword,
  SHOP_ADMIN_TOKEN: secrets.shopAdminToken,
  SHOP_TOKEN_SECRET: secrets.tokenSecret,
  KAFKA_BROKERS: endpoints.kafka.bootstrap,
  SHOP_TOPIC: sandbox.shop.topic,
  SHOP_GROUP: sandbox.shop.group,
  MEILI_URL: endpoints.meilisearch.url,
  MEILI_KEY: endpoints.meilisearch.masterKey,
  SHOP_INDEX: sandbox.shop.index,
  S3_ENDPOINT: endpoints.s3.endpoint,
  S3_ACCESS_KEY: endpoints.s3.accessKeyId,
  S3_SECRET_KEY: endpoints.s3.secretAccessKey,
  SHOP_BUCKET: sandbox.shop.bucket,
  SHOP_PORT: String(sandbox.ports.shop),
  SHOP_HTTP_URL: urlOf(sandbox, 'shop'),
  SHOP_SEED_PRODUCTS: String(sandbox.shop.products),
  SHOP_SEED_ORDERS: String(sandbox.shop.orders),
});
