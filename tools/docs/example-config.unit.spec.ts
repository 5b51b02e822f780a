import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { loadConfig } from '#common/config/load-config.js';
import { Probes } from '#common/engines/profiles.js';
import { Installation } from '#common/service/installation.js';

const text = readFileSync('docs/reference/holdfast.example.yaml', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-example-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Resolves every reference of the example: variables by a stand-in, files by one that is there. */
function load() {
  writeFileSync(join(folder, 'secret'), 'a-secret-of-some-length\n');
  const file = join(folder, 'holdfast.yaml');
  writeFileSync(file, text.replace(/\$\{file:[^}]+\}/g, `\${file:${join(folder, 'secret')}}`));
  const names = [...text.matchAll(/\$\{env:([A-Z0-9_]+)\}/g)].map(([, name = '']) => name);
  const scheme = (name: string) => (name.startsWith('CACHE') ? 'redis' : 'postgres');
  const path = (name: string) => (name.startsWith('CACHE') ? '' : '/shop');
  const env = Object.fromEntries(names.map((name) => [name, `${scheme(name)}://user:${name}@host:5432${path(name)}`]));
  return loadConfig(file, env).config;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
}

/** The names of all properties, at any depth. */
function* namesIn(schema: JsonSchema | boolean | undefined): Generator<string> {
  if (schema === undefined || typeof schema === 'boolean') return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield name;
    yield* namesIn(property);
  }
  yield* namesIn(schema.additionalProperties);
  yield* namesIn(schema.items);
}

describe('docs/reference/holdfast.example.yaml', () => {
  it('is a valid configuration, with profiles that every probe understands', async () => {
    const installation = new Installation(load());
    const used = installation.profile('shop', 'shop').probes.map(({ name }) => name);
    const known = Probes.filter(({ kind = 'postgres' }) => kind === 'postgres').map(({ name }) => name);
    expect(used.sort()).toEqual(known.sort());
    expect(installation.targetRules('staging').destinations).toEqual(['shop_*']);
    await installation.close();
  });

  it('has datasets and targets that their engines understand', async () => {
    const config = load();
    const installation = new Installation(config);
    for (const name of Object.keys(config.datasets)) expect(installation.dataset(name)).toMatchObject({ name });
    for (const name of Object.keys(config.targets)) expect(installation.target(name)).toMatchObject({ name });
    await installation.close();
  });

  it('shows every field that there is', () => {
    const schema = z.toJSONSchema(HoldfastConfig, { io: 'input', reused: 'inline' }) as JsonSchema;
    const names = new Set(namesIn(schema));
    expect(names.size).toBeGreaterThan(50);
    expect([...names].filter((name) => !new RegExp(`(^|[\\s{])${name}:`, 'm').test(text))).toEqual([]);
  });
});
