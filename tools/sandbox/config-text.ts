import { endpoints } from '#tools/services/endpoints.js';
import { type Sandbox, urlOf } from './sandbox.js';

/** The sandbox's holdfast.yaml. No secret is in it: each is a reference to an environment variable. */
export const toConfigText = (sandbox: Sandbox): string => {
  const { name, topicPrefix, bucket, ports, shop } = sandbox;
  const tools = JSON.stringify([endpoints.postgres18.binDir]);
  return `# Written anew by \`npm run ${name === 'dev' ? 'dev' : 'quickstart'}\`. docs/reference/holdfast.example.yaml explains every section.
# yaml-language-server: $schema=../docs/reference/holdfast.schema.json
instance: ${name}
bus: { brokers: ['${endpoints.kafka.bootstrap}'], topicPrefix: '${topicPrefix}' }
catalog: { url: '\${env:CATALOG_URL}' }
api: { url: '${urlOf(sandbox, 'scheduler')}', token: '\${env:API_TOKEN}' }
scheduler: { http: { port: ${ports.scheduler} } }
executor: { http: { port: ${ports.executor} } }
verifier: { http: { port: ${ports.verifier} } }

repositories:
  local-s3:
    url: s3://${bucket}/backups
    endpoint: ${endpoints.s3.endpoint}
    region: ${endpoints.s3.region}
    accessKeyId: ${endpoints.s3.accessKeyId}
    secretAccessKey: '\${env:S3_SECRET_KEY}'

datasets:
  shop:
    kind: postgres
    url: '\${env:SHOP_URL}'
    repositories: [local-s3]
    toolDirectories: ${tools}
    tenantTables:
      schema: public
      column: tenant_id
      application:
        role: ${shop.rolePrefix}_app
        tenantSetting: app.tenant_id
        functions:
          - { call: order_summary(), column: tenant_id }
          - { call: best_sellers(1000000), column: tenant_id }
    migrationHeadQuery: SELECT max(version) FROM schema_migrations
    topics:
      - name: ${shop.topic}
        groups: [${shop.group}]
        commits: after-write
        replay: { modes: [reset] }

targets:
  production:
    kind: postgres
    url: '\${env:TARGET_URL}'
    toolDirectories: ${tools}
    privileges: keep
    accepts: { datasets: [shop], strategies: [new, in-place], destinations: ['${shop.database}', '${shop.database}_*'] }

profiles:
  # Everything that the database alone can tell.
  shop-database:
    probes:
${DATABASE_PROBES}
  # And whether the application and its search work on it.
  shop:
    probes:
${DATABASE_PROBES}
${toApplicationProbes(sandbox)}
`;
};

const DATABASE_PROBES = `      - use: checksums
      - use: archive-list
      - use: row-counts
      - use: fingerprints
      - use: schema
      - use: sequences
      - use: extensions
      - use: privileges
      - use: rls
      - use: sql
        assertions:
          - name: every order's lines add up to its total
            query: >-
              SELECT count(*) FROM orders o WHERE total_cents <> (
                SELECT sum(line_cents) FROM order_items i WHERE i.tenant_id = o.tenant_id AND i.order_id = o.order_id)
            equals: 0
          - { name: there are orders, query: SELECT count(*) FROM orders, min: 1 }`;

const toApplicationProbes = (sandbox: Sandbox): string => `      - use: http
        baseUrl: ${urlOf(sandbox, 'shop')}
        requests:
          - name: health
            path: /graphql
            graphql: { query: '{ health }' }
            expect: { json: [{ path: data.health, equals: ok }] }
          - name: login
            path: /graphql
            graphql:
              query: 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { token } }'
              variables: { email: customer@acme.example, password: '\${env:SHOP_USER_PASSWORD}' }
            capture: { token: data.login.token }
          - name: browse products
            path: /graphql
            headers: { authorization: 'Bearer \${token}' }
            graphql: { query: '{ products(limit: 10) { id name priceCents } }' }
            expect: { json: [{ path: data.products, minItems: 10 }] }
      - use: search
        url: ${endpoints.meilisearch.url}
        apiKey: '\${env:MEILI_KEY}'
        index: ${sandbox.shop.index}
        query: >-
          SELECT id, tenant_id AS "tenantId", name, description, price_cents AS "priceCents",
            to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "updatedAt" FROM products`;
