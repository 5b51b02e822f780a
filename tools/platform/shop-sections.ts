import { PLAIN_PROBES } from '#common/testing/plain-probes.js';
import { endpoints } from '#tools/services/endpoints.js';

export interface ShopNames {
  readonly database: string;
  readonly rolePrefix: string;
  readonly topic: string;
  readonly group: string;
  readonly index: string;
}

export interface ShopPlace {
  readonly names: ShopNames;
  /** Where the shop answers. */
  readonly url: string;
  readonly repository: string;
}

const PRODUCTS = `SELECT id, tenant_id AS "tenantId", name, description, price_cents AS "priceCents",
  to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "updatedAt" FROM products`;

const toolDirectories = [endpoints.postgres18.binDir];

/**
 * What a holdfast.yaml says that protects the sample shop: `datasets`, `targets`, `profiles`. Its secrets are references to SHOP_URL,
 * TARGET_URL, SHOP_USER_PASSWORD and MEILI_KEY.
 */
export const toShopSections = ({ names, url, repository }: ShopPlace) => ({
  datasets: { shop: toDataset(names, repository) },
  targets: { production: toTarget(names) },
  profiles: {
    // Everything that the database alone can tell.
    database: { probes: DATABASE_PROBES },
    // And whether the application and its search work on it.
    shop: { probes: [...DATABASE_PROBES, toHttpProbe(url), toSearchProbe(names)] },
  },
});

const toDataset = ({ rolePrefix, topic, group }: ShopNames, repository: string) => ({
  ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: [repository], toolDirectories },
  tenantTables: {
    ...{ schema: 'public', column: 'tenant_id' },
    application: {
      ...{ role: `${rolePrefix}_app`, tenantSetting: 'app.tenant_id' },
      functions: [
        { call: 'order_summary()', column: 'tenant_id' },
        { call: 'best_sellers(1000000)', column: 'tenant_id' },
      ],
    },
  },
  migrationHeadQuery: 'SELECT max(version) FROM schema_migrations',
  topics: [{ name: topic, groups: [group], commits: 'after-write', replay: { modes: ['reset'] } }],
});

const toTarget = ({ database }: ShopNames) => ({
  ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories, privileges: 'keep' },
  accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: [database, `${database}_*`] },
});

const DATABASE_PROBES: object[] = [
  ...[...PLAIN_PROBES, 'rls'].map((use) => ({ use })),
  {
    use: 'sql',
    assertions: [
      {
        name: "every order's lines add up to its total",
        query: `SELECT count(*) FROM orders o WHERE total_cents <> (
  SELECT sum(line_cents) FROM order_items i WHERE i.tenant_id = o.tenant_id AND i.order_id = o.order_id)`,
        equals: 0,
      },
      { name: 'there are orders', query: 'SELECT count(*) FROM orders', min: 1 },
    ],
  },
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
      graphql: { query: '{ products(limit: 10) { id name priceCents picture } }' },
      expect: { json: [{ path: 'data.products', minItems: 10 }] },
      capture: { picture: 'data.products[0].picture' },
    },
    { name: 'look at a picture', path: '/pictures/${picture}', expect: { contains: '</svg>' } },
  ],
});

const toSearchProbe = ({ index }: ShopNames): object => ({
  ...{ use: 'search', url: endpoints.meilisearch.url, apiKey: '${env:MEILI_KEY}', index, query: PRODUCTS },
});
