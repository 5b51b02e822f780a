import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { configPath, envPath, type Sandbox, urlOf } from '#tools/sandbox/sandbox.js';

const fileOf = ({ home }: Sandbox): string => join(home, 'services.json');

/** The services that a run with --keep started, and that --stop or the next run has to stop. */
export async function readKept(sandbox: Sandbox): Promise<string[]> {
  const text = await readFile(fileOf(sandbox), 'utf8').catch(() => '[]');
  return JSON.parse(text) as string[];
}

export async function writeKept(sandbox: Sandbox, services: readonly string[]): Promise<void> {
  await mkdir(sandbox.home, { recursive: true });
  await writeFile(fileOf(sandbox), JSON.stringify([...new Set(services)]));
}

export const forgetKept = (sandbox: Sandbox): Promise<void> => rm(fileOf(sandbox), { force: true });

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
