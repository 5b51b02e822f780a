import { join, relative } from 'node:path';
import { configPath, envPath, type Sandbox, urlOf } from '#tools/sandbox/sandbox.js';

/** Where everything is, and what to type next. */
export function toKeptText(sandbox: Sandbox): string {
  const here = (path: string): string => relative(process.cwd(), path);
  return `
everything is still running

  scheduler  ${urlOf(sandbox, 'scheduler')}   /health/ready /metrics; /api/v1 with the token in ${here(envPath(sandbox))}
  executor   ${urlOf(sandbox, 'executor')}   /health/ready /metrics
  verifier   ${urlOf(sandbox, 'verifier')}   /health/ready /metrics
  shop       ${urlOf(sandbox, 'shop')}   POST /graphql
  config     ${here(configPath(sandbox))}
  logs       ${here(join(sandbox.home, 'logs'))}

to try next

  set -a; . ${here(envPath(sandbox))}; set +a
  npm run -s holdfast -- check
  npm run -s holdfast -- backup list
  npm run -s holdfast -- backup run shop --wait
  npm run -s holdfast -- restore plan shop@latest --target production --destination ${sandbox.shop.database}_copy
  npm run -s holdfast -- restore run shop@latest --target production --destination ${sandbox.shop.database}_copy --profile database --wait
  npm run -s holdfast -- restore plan media@latest --target pictures --destination / --strategy sync
  npm run -s holdfast -- runs list

to stop it all

  npm run quickstart -- --stop`;
}
