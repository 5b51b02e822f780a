import { Meilisearch } from 'meilisearch';
import type { AgeKeys } from '#common/sealing/age.js';
import { PLAIN_PROBES } from '#common/testing/plain-probes.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ShopUnderTest } from '../../examples/shop/shop-under-test.js';
import { newId, Platform } from './platform.js';
import { dropDatabases, newPassword, ServerLogin } from './server-login.js';
import { waitUntil } from './wait-until.js';

const PRODUCTS = `SELECT id, tenant_id AS "tenantId", name, description, price_cents AS "priceCents",
  to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "updatedAt" FROM products`;

/** The sample shop with names and passwords of its own, and a platform that protects it. */
export class ShopPlatform {
  private constructor(
    readonly name: string,
    readonly shop: ShopUnderTest,
    readonly platform: Platform,
    private readonly login: ServerLogin,
  ) {}

  /** `keys`: its backups are encrypted for them. */
  static async start(keys?: AgeKeys): Promise<ShopPlatform> {
    const name = newId();
    const shop = new ShopUnderTest({
      ...{ SHOP_DATABASE: name, SHOP_ROLE_PREFIX: name, SHOP_INDEX: name },
      ...{ SHOP_TOPIC: `${name}.orders`, SHOP_GROUP: `${name}-projector`, SHOP_PORT: '0' },
      ...{ SHOP_SEED_PRODUCTS: '20', SHOP_SEED_ORDERS: '10' },
      ...{ SHOP_APP_PASSWORD: newPassword(), SHOP_BACKUP_PASSWORD: newPassword(), SHOP_USER_PASSWORD: newPassword() },
      ...{ SHOP_ADMIN_TOKEN: newPassword(), SHOP_TOKEN_SECRET: newPassword() },
    });
    const login = await ServerLogin.create(`${name}_target`, 'SUPERUSER');
    try {
      await shop.run('create');
      const { ready } = await shop.start('serve');
      const url = String(ready['url']);
      shop.env['SHOP_HTTP_URL'] = url;
      return new ShopPlatform(
        name,
        shop,
        await Platform.start(withKeys(toPlan(name, { url, shop, login }), keys)),
        login,
      );
    } catch (error) {
      await removeShop(name, shop, login);
      throw error;
    }
  }

  get topic(): string {
    return `${this.name}.orders`;
  }

  /** What the shop's own staff call when the index is to follow the database. */
  async backfillSearch(): Promise<void> {
    const { SHOP_HTTP_URL: url = '', SHOP_ADMIN_TOKEN: token = '' } = this.shop.env;
    const headers = { authorization: `Bearer ${token}` };
    const call = async (path: string, method: string) =>
      (await (await fetch(`${url}/admin/search/backfill${path}`, { method, headers })).json()) as Record<
        string,
        string
      >;
    let backfill = await call('', 'POST');
    while (backfill['state'] === 'running') backfill = await call(`/${backfill['id']}`, 'GET');
    if (backfill['state'] !== 'succeeded') throw new Error(`the backfill ${JSON.stringify(backfill)}`);
  }

  /** The shop writes to its index in the background. */
  async searchSettled(): Promise<void> {
    const { url: host, masterKey: apiKey } = endpoints.meilisearch;
    const { tasks } = new Meilisearch({ host, apiKey });
    await waitUntil('the index has no tasks left', async () => {
      const { results } = await tasks.getTasks({ indexUids: [this.name], statuses: ['enqueued', 'processing'] });
      return results.length === 0;
    });
  }

  async close(): Promise<void> {
    await this.platform.close();
    await removeShop(this.name, this.shop, this.login);
  }
}

async function removeShop(name: string, shop: ShopUnderTest, login: ServerLogin): Promise<void> {
  await shop.stopAll();
  await dropDatabases('postgres18', `${name}%`);
  await shop.run('drop');
  await login.drop();
}

function toPlan(
  name: string,
  { url, shop, login }: { readonly url: string; readonly shop: ShopUnderTest; readonly login: ServerLogin },
) {
  const toolDirectories = [endpoints.postgres18.binDir];
  const { SHOP_APP_PASSWORD = '', SHOP_BACKUP_PASSWORD = '', SHOP_USER_PASSWORD = '' } = shop.env;
  const { host, port } = endpoints.postgres18;
  const target = {
    ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories, privileges: 'keep' },
    accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: [name, `${name}_*`] },
  };
  return {
    secrets: {
      SHOP_URL: `postgres://${name}_backup:${SHOP_BACKUP_PASSWORD}@${host}:${port}/${name}`,
      ...{ SHOP_APP_PASSWORD, SHOP_BACKUP_PASSWORD, SHOP_USER_PASSWORD },
      ...{ TARGET_URL: login.url('postgres'), TARGET_PASSWORD: login.password },
      MEILI_KEY: endpoints.meilisearch.masterKey,
    },
    config: {
      datasets: {
        shop: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['store'], toolDirectories },
          tenantTables: {
            column: 'tenant_id',
            application: {
              ...{ role: `${name}_app`, tenantSetting: 'app.tenant_id' },
              functions: [{ call: 'order_summary()', column: 'tenant_id' }],
            },
          },
          migrationHeadQuery: 'SELECT max(version) FROM schema_migrations',
          topics: [{ name: `${name}.orders`, groups: [`${name}-projector`], replay: { modes: ['reset'] } }],
        },
      },
      targets: { production: { ...target, missingRoles: 'create' }, strict: { ...target, missingRoles: 'refuse' } },
      profiles: {
        database: { probes: DATABASE_PROBES },
        shop: { probes: [...DATABASE_PROBES, toHttpProbe(url), toSearchProbe(name)] },
      },
    },
  };
}

function withKeys(plan: ReturnType<typeof toPlan>, keys: AgeKeys | undefined) {
  if (keys === undefined) return plan;
  const encryption = { recipients: [keys.recipient], identity: '${env:IDENTITY}' };
  return { ...plan, encryption, secrets: { ...plan.secrets, IDENTITY: keys.identity } };
}

const DATABASE_PROBES: object[] = [
  ...[...PLAIN_PROBES, 'rls'].map((use) => ({ use })),
  { use: 'sql', assertions: [{ name: 'there are orders', query: 'SELECT count(*) FROM orders', min: 1 }] },
];

const toHttpProbe = (baseUrl: string): object => ({
  ...{ use: 'http', baseUrl },
  requests: [
    {
      ...{ name: 'health', path: '/graphql', graphql: { query: '{ health }' } },
      expect: { json: [{ path: 'data.health', equals: 'ok' }] },
    },
    {
      ...{ name: 'login', path: '/graphql', capture: { token: 'data.login.token' } },
      graphql: {
        query: 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { token } }',
        variables: { email: 'customer@acme.example', password: '${env:SHOP_USER_PASSWORD}' },
      },
    },
    {
      ...{ name: 'browse products', path: '/graphql', headers: { authorization: 'Bearer ${token}' } },
      graphql: { query: '{ products(limit: 10) { id name priceCents } }' },
      expect: { json: [{ path: 'data.products', minItems: 10 }] },
    },
  ],
});

const toSearchProbe = (index: string): object => ({
  ...{ use: 'search', url: endpoints.meilisearch.url, apiKey: '${env:MEILI_KEY}', index, query: PRODUCTS },
});
