import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { loadConfig } from './load-config.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const VALID = `
repositories:
  local: { url: 'file:///var/lib/holdfast' }
datasets:
  shop: { kind: postgres, url: '\${env:SHOP_URL}', repositories: [local] }
`;

function load(yaml: string, env: Record<string, string> = { SHOP_URL: 'postgres://u:hidden@db:5432/shop' }) {
  const file = join(folder, 'holdfast.yaml');
  writeFileSync(file, yaml);
  return loadConfig(file, env);
}

function problemOf(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('loadConfig', () => {
  it('fills defaults and resolves references', () => {
    const { config } = load(VALID);
    expect(config.datasets.shop?.url).toBe('postgres://u:hidden@db:5432/shop');
    expect(config.datasets.shop?.compression).toEqual({ level: 3, threads: 2 });
    expect(config.executor.http.port).toBe(7081);
  });

  it('names the methods that there are to a schedule that asks for another', () => {
    const yaml = (method: string) => `${VALID}schedules:
  nightly: { dataset: shop, cron: '0 2 * * *', method: ${method} }
`;
    expect(load(yaml('dump')).config.schedules['nightly']?.method).toBe('dump');
    expect(problemOf(() => load(yaml('magic'))).message).toMatch(
      /schedules\.nightly\.method: there is no method "magic" for datasets of kind postgres; there is: .*dump/,
    );
  });

  it.each([
    [
      '{ use: restore, dataset: gone, target: t }',
      'plans.p.steps.0.dataset: there is no dataset "gone"; there is: shop',
    ],
    [
      '{ use: restore, dataset: shop, target: gone }',
      'plans.p.steps.0.target: there is no target "gone"; there is: none',
    ],
    [
      '{ use: verify, dataset: shop, backup: latest, target: t, destination: d, profile: gone }',
      'plans.p.steps.0.profile: there is no profile "gone"',
    ],
    [
      "{ use: exec, command: [psql, '${env:SHOP_URL}'], repeatable: true }",
      'plans.p.steps.0.command.1: every user of the machine sees the arguments',
    ],
  ])('refuses a plan with %s', (step, message) => {
    const yaml = `${VALID}plans: { p: { steps: [${step.replace('{', '{ name: s,')}] } }\n`;
    expect(problemOf(() => load(yaml)).message).toContain(message);
  });

  it.each([
    ['points: { p: { members: [{ dataset: gone }] } }', 'points.p.members.0.dataset: there is no dataset "gone"'],
    ['points: { shop: { members: [{ dataset: shop }] } }', 'points.shop: a dataset has this name already'],
    [
      'points: { p: { members: [{ dataset: shop, refersTo: [media] }] } }',
      'points.p.members.0.refersTo: "media" is no member; there is: shop',
    ],
    ['points: { p: { members: [{ dataset: shop, refersTo: [shop] }] } }', 'refer to each other in a circle'],
    [
      'plans: { p: { point: gone, steps: [{ name: s, use: approve, message: m }] } }',
      'plans.p.point: there is no recovery point "gone"; there is: none',
    ],
    [
      `targets: { t: { kind: postgres, url: '\${env:SHOP_URL}', accepts: { datasets: [shop], destinations: [d] } } }
points: { all: { members: [{ dataset: shop }] } }
plans: { p: { point: all, steps: [{ name: s, use: restore, dataset: shop, target: t, backup: 'latest:base' }] } }`,
      'plans.p.steps.0.backup: which moment of "shop" comes back says recovery point "all"',
    ],
  ])('refuses a recovery point that fits nothing: %s', (sections, message) => {
    expect(problemOf(() => load(`${VALID}${sections}\n`)).message).toContain(message);
  });

  it('refuses a number that it would have to change, with its line, and takes it as text', () => {
    const yaml = (value: string) => `${VALID}profiles:
  sums:
    probes:
      - { use: sql, assertions: [{ query: SELECT 1, equals: ${value} }] }
`;
    const error = problemOf(() => load(yaml('9007199254740993')));
    expect(error.message).toMatch(
      /holdfast\.yaml: line 9: 9007199254740993 has more digits than a number here can hold$/,
    );
    expect(error.hint).toContain('Write it in quotes');
    for (const value of ['"9007199254740993"', '9007199254740992', '0.1', '1e3']) load(yaml(value));
  });

  it('reports the secrets of references, also the password inside a URL', () => {
    expect(load(VALID).secrets).toEqual(expect.arrayContaining(['postgres://u:hidden@db:5432/shop', 'hidden']));
  });

  it('reports the password of a URL with several hosts, of a parameter, and of PGPASSWORD', () => {
    const env = { SHOP_URL: 'postgres://u:hid%2Fden@one:1,two:2/shop?password=other', PGPASSWORD: 'ambient' };
    const expected = ['hid%2Fden', 'hid/den', 'other', 'ambient'];
    expect(load(VALID, env).secrets).toEqual(expect.arrayContaining(expected));
  });

  it.each([
    ['postgres://u:50%off@db:5432/shop', /datasets\.shop\.url: .*% that is no escape/],
    ['postgres://u:50off@db/shop?sslmod=verify-full', /datasets\.shop\.url: .*"sslmod"/],
    ['postgres://u:50off@db/shop?ssl=true', /datasets\.shop\.url: .*"ssl".*sslmode=require/],
  ])('names the path of a URL that means nothing, and not its password: %s', (url, message) => {
    const error = problemOf(() => load(VALID, { SHOP_URL: url }));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('50');
  });

  it('reports secrets that are written out in the file', () => {
    const inline = VALID.replace('${env:SHOP_URL}', 'postgres://u:written@db:5432/shop').replace(
      "file:///var/lib/holdfast'",
      "s3://bucket/prefix', accessKeyId: me, secretAccessKey: out-in-full",
    );
    expect(load(inline).secrets).toEqual(expect.arrayContaining(['written', 'out-in-full']));
  });

  it('names every unset reference with its path', () => {
    const error = problemOf(() => load(VALID, {}));
    expect(error.code).toBe('config.invalid');
    expect(error.message).toMatch(/datasets\.shop\.url: \$\{env:SHOP_URL} is not set/);
  });

  it('names a misspelled key with its path', () => {
    expect(problemOf(() => load(`${VALID}\nschedulez: {}\n`)).message).toContain('schedulez');
  });

  it('names a dataset whose repository does not exist, and those that do', () => {
    const error = problemOf(() => load(VALID.replace('[local]', '[offsite]')));
    expect(error.message).toContain('datasets.shop.repositories.0: there is no repository "offsite"; there is: local');
  });

  it('refuses a renewal interval that could lose a claim to one missed beat', () => {
    const error = problemOf(() => load(`${VALID}\nexecutor: { claimTtlMs: 6000, claimRenewMs: 3000 }\n`));
    expect(error.message).toContain('claimRenewMs must fit three times into claimTtlMs');
  });

  it('refuses an interval that a timer would take for none at all', () => {
    const error = problemOf(() => load(`${VALID}\nexecutor: { sweepEveryMs: 2592000000 }\n`));
    expect(error.message).toMatch(/executor\.sweepEveryMs: .*604800000/);
  });

  it('tells how to begin when there is no file', () => {
    expect(problemOf(() => loadConfig(join(folder, 'absent.yaml'), {})).hint).toContain('--config');
  });
});
