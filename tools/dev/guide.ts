import { relative } from 'node:path';
import { configPath, envPath, type Sandbox, urlOf } from '#tools/sandbox/sandbox.js';
import { endpoints } from '#tools/services/endpoints.js';

const here = (path: string): string => relative(process.cwd(), path);

/** Where everything is, and what to type. */
export const toGuide = (sandbox: Sandbox): string => `
  scheduler    ${urlOf(sandbox, 'scheduler')}   /health/ready /metrics /api/v1
  executor     ${urlOf(sandbox, 'executor')}   /health/ready /metrics
  verifier     ${urlOf(sandbox, 'verifier')}   /health/ready /metrics
  shop         ${urlOf(sandbox, 'shop')}   POST /graphql
  PostgreSQL   ${endpoints.postgres18.url}   catalog ${sandbox.catalogDatabase}, shop ${sandbox.shop.database}
  Kafka        ${endpoints.kafka.bootstrap}
  S3           ${endpoints.s3.endpoint}   bucket ${sandbox.bucket}
  Meilisearch  ${endpoints.meilisearch.url}

  in another terminal:
    set -a; . ${here(envPath(sandbox))}; set +a      # ${here(configPath(sandbox))} and its secrets
    npm run -s holdfast -- backup run shop --wait

  An app restarts when its compiled files change. Data stays until \`rm -rf ${here(sandbox.home)}\`. Ctrl-C stops it all.
`;
