import { Meilisearch } from 'meilisearch';
import type { AgeKeys } from '#common/sealing/age.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, newPassword, ServerLogin } from '#tools/platform/server-login.js';
import { toShopSections } from '#tools/platform/shop-sections.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ShopUnderTest } from '../../examples/shop/shop-under-test.js';

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
  const { SHOP_APP_PASSWORD = '', SHOP_BACKUP_PASSWORD = '', SHOP_USER_PASSWORD = '' } = shop.env;
  const { host, port } = endpoints.postgres18;
  const names = { database: name, rolePrefix: name, topic: `${name}.orders`, group: `${name}-projector`, index: name };
  const { datasets, targets, profiles } = toShopSections({ names, url, repository: 'storage' });
  const { production } = targets;
  return {
    secrets: {
      SHOP_URL: `postgres://${name}_backup:${SHOP_BACKUP_PASSWORD}@${host}:${port}/${name}`,
      ...{ SHOP_APP_PASSWORD, SHOP_BACKUP_PASSWORD, SHOP_USER_PASSWORD },
      ...{ TARGET_URL: login.url('postgres'), TARGET_PASSWORD: login.password },
      MEILI_KEY: endpoints.meilisearch.masterKey,
    },
    config: {
      ...{ datasets, profiles },
      targets: { production: { ...production, missingRoles: 'create' }, strict: production },
    },
  };
}

function withKeys(plan: ReturnType<typeof toPlan>, keys: AgeKeys | undefined) {
  if (keys === undefined) return plan;
  const encryption = { recipients: [keys.recipient], identity: '${env:IDENTITY}' };
  return { ...plan, encryption, secrets: { ...plan.secrets, IDENTITY: keys.identity } };
}
