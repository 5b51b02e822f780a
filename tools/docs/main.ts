import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configSchema } from './config-schema.js';
import { asyncApi, eventSchemas } from './event-schemas.js';
import { reversals } from './reversals.js';
import { errorCodes, exitCodes } from './tables.js';

const EVENTS = 'docs/reference/events';
const isCheck = process.argv.includes('--check');
const files = [...eventSchemas(), asyncApi(), configSchema(), exitCodes(), errorCodes(), reversals()];

const known = new Set(files.map(({ path }) => path));
const left = existsSync(EVENTS) ? readdirSync(EVENTS).map((name) => join(EVENTS, name)) : [];
const stale = left.filter((path) => !known.has(path));
const changed = files.filter(({ path, text }) => !existsSync(path) || readFileSync(path, 'utf8') !== text);

if (isCheck) {
  const drifted = [...stale, ...changed.map(({ path }) => path)];
  for (const path of drifted) console.error(`${path} is not what its source generates; run \`npm run docs\``);
  process.exitCode = drifted.length > 0 ? 1 : 0;
} else {
  for (const path of stale) rmSync(path);
  for (const { path, text } of changed) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
