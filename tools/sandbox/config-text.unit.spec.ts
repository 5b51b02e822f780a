import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '#common/config/load-config.js';
import { Installation } from '#common/service/installation.js';
import { toConfigText } from './config-text.js';
import { type SandboxName, toSandbox } from './sandbox.js';
import { makeSecrets, toHoldfastEnvironment } from './secrets.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-sandbox-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each<SandboxName>(['quickstart', 'dev'])('the configuration of the %s sandbox', (name) => {
  const sandbox = toSandbox(name);
  const text = toConfigText(sandbox);
  const secrets = makeSecrets();

  it('is valid, and its references are all in the environment', async () => {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    const installation = new Installation(loadConfig(file, toHoldfastEnvironment(sandbox, secrets)).config);
    expect(installation.profile('shop', 'shop').probes.length).toBeGreaterThan(
      installation.profile('database', 'shop').probes.length,
    );
    await installation.close();
  });

  it('holds no secret', () => {
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
    for (const value of Object.values(toHoldfastEnvironment(sandbox, secrets))) expect(text).not.toContain(value);
  });
});

describe('toSandbox', () => {
  it('gives two sandboxes nothing in common', () => {
    const flat = (name: SandboxName) => {
      const { ports, shop, topicPrefix: _, ...rest } = toSandbox(name);
      const { products: _p, orders: _o, ...names } = shop;
      return Object.values({ ...rest, ...names }).concat(Object.values(ports).map(String));
    };
    const dev = new Set(flat('dev'));
    expect(flat('quickstart').filter((value) => dev.has(value))).toEqual([]);
  });
});
