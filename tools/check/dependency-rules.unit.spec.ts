import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cruiseArgs } from './cruise.js';
import { root } from './root.js';
import { writeTree } from './temporary-tree.js';

const { forbidden } = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: readonly { readonly name: string }[];
};

const lib = 'libs/common/src';

/** One bad import per rule: the file that has it, and what it says. Half of them are type-only, which must not hide it. */
const violations: readonly { rule: string; file: string; source: string }[] = [
  { rule: 'layer-errors', file: `${lib}/errors/bad.ts`, source: `import '#common/domain/good.js';` },
  {
    rule: 'layer-domain',
    file: `${lib}/domain/bad.ts`,
    source: `import type { Log } from '#common/telemetry/good.js';`,
  },
  { rule: 'layer-telemetry', file: `${lib}/telemetry/bad.ts`, source: `import '../domain/good.js';` },
  { rule: 'layer-contracts', file: `${lib}/contracts/bad.ts`, source: `import { type A } from '#common/bus/good.js';` },
  { rule: 'layer-pg', file: `${lib}/pg/bad.ts`, source: `import '#common/contracts/good.js';` },
  { rule: 'layer-config', file: `${lib}/config/bad.ts`, source: `import type { A } from '#common/catalog/good.js';` },
  { rule: 'layer-catalog', file: `${lib}/catalog/bad.ts`, source: `import '#common/engines/postgres/good.js';` },
  { rule: 'layer-bus', file: `${lib}/bus/bad.ts`, source: `export type { A } from '#common/probes/good.js';` },
  { rule: 'layer-repository', file: `${lib}/repository/bad.ts`, source: `export * from '#common/operations/good.js';` },
  { rule: 'layer-process', file: `${lib}/process/bad.ts`, source: `await import('#common/service/good.js');` },
  { rule: 'layer-pipeline', file: `${lib}/pipeline/bad.ts`, source: `import '#common/engines/bucket/good.js';` },
  {
    rule: 'layer-sealing',
    file: `${lib}/sealing/bad.ts`,
    source: `import '#common/repository/good.js';`,
  },
  {
    rule: 'layer-engines',
    file: `${lib}/engines/redis/bad.ts`,
    source: `import type { A } from '#common/operations/good.js';`,
  },
  { rule: 'layer-probes', file: `${lib}/probes/bad.ts`, source: `import '#common/engines/postgres/good.js';` },
  {
    rule: 'layer-operations',
    file: `${lib}/operations/bad.ts`,
    source: `import type { A } from '#common/catalog/good.js';`,
  },
  {
    rule: 'adapters-stay-apart',
    file: `${lib}/catalog/bad-too.ts`,
    source: `import type { A } from '#common/bus/good.js';`,
  },
  {
    rule: 'engines-stay-apart',
    file: `${lib}/engines/kafka/bad.ts`,
    source: `import '#common/engines/postgres/good.js';`,
  },
  {
    rule: 'temporal-is-a-preset-over-postgres',
    file: `${lib}/engines/temporal/bad.ts`,
    source: `import '#common/engines/redis/good.js';`,
  },
  {
    rule: 'only-apps-read-config',
    file: `${lib}/operations/bad-too.ts`,
    source: `import type { C } from '#common/config/good.js';`,
  },
  {
    rule: 'only-specs-import-testing',
    file: 'apps/executor/src/bad-testing.ts',
    source: `import '#common/testing/good.js';`,
  },
  {
    rule: 'apps-stay-apart',
    file: 'apps/executor/src/bad.ts',
    source: `import type { A } from '../../verifier/src/good.js';`,
  },
  {
    rule: 'libs-never-import-apps',
    file: `${lib}/service/bad.ts`,
    source: `import '../../../../apps/verifier/src/good.js';`,
  },
  { rule: 'production-imports-production', file: 'apps/cli/src/bad.ts', source: `import '#tools/services/good.js';` },
  {
    rule: 'only-process-spawns',
    file: `${lib}/engines/postgres/bad.ts`,
    source: `import { spawn } from 'node:child_process';`,
  },
  { rule: 'only-its-owner-imports-nestjs', file: 'apps/cli/src/bad-nest.ts', source: `import '@nestjs/common';` },
  { rule: 'only-its-owner-imports-kafkajs', file: `${lib}/engines/kafka/bad-kafkajs.ts`, source: `import 'kafkajs';` },
  {
    rule: 'only-its-owner-imports-typeorm',
    file: 'apps/scheduler/src/bad.ts',
    source: `import type { A } from 'typeorm';`,
  },
  {
    rule: 'only-its-owner-imports-pg',
    file: `${lib}/operations/bad-pg.ts`,
    source: `import type { Client } from 'pg';`,
  },
  { rule: 'only-its-owner-imports-aws-sdk', file: `${lib}/probes/bad-s3.ts`, source: `import '@aws-sdk/client-s3';` },
  {
    rule: 'only-its-owner-imports-age-encryption',
    file: `${lib}/probes/bad-age.ts`,
    source: `import 'age-encryption';`,
  },
  { rule: 'only-its-owner-imports-ioredis', file: `${lib}/probes/bad-redis.ts`, source: `import 'ioredis';` },
  {
    rule: 'only-its-owner-imports-meilisearch',
    file: `${lib}/engines/bucket/bad-search.ts`,
    source: `import 'meilisearch';`,
  },
  { rule: 'no-dev-dependency-in-production', file: `${lib}/bus/bad-dev.ts`, source: `import 'for-tests';` },
  { rule: 'declared-dependencies', file: 'tools/bad.ts', source: `import 'brought-by-another';` },
  { rule: 'resolvable', file: 'tools/bad-path.ts', source: `import './gone.js';` },
  { rule: 'no-cycles', file: `${lib}/domain/egg.ts`, source: `import type { Hen } from './hen.js';` },
  { rule: 'no-orphans', file: `${lib}/domain/alone.ts`, source: 'export const alone = 1;' },
];

/** Imports that must stay allowed, in code that parsers have tripped over. */
const good: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    type: 'module',
    dependencies: Object.fromEntries(
      [
        '@nestjs/common',
        'kafkajs',
        'typeorm',
        'pg',
        '@aws-sdk/client-s3',
        'age-encryption',
        'ioredis',
        'meilisearch',
      ].map((name) => [name, '1.0.0']),
    ),
    devDependencies: { 'for-tests': '1.0.0' },
  }),
  ...Object.fromEntries(
    [
      '@nestjs/common',
      'kafkajs',
      'typeorm',
      'pg',
      '@aws-sdk/client-s3',
      'age-encryption',
      'ioredis',
      'meilisearch',
      'for-tests',
      'brought-by-another',
    ].flatMap((name) => [
      [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', exports: './index.js' })],
      [`node_modules/${name}/index.js`, 'export {};'],
    ]),
  ),
  [`${lib}/errors/good.ts`]: 'export class AppError extends Error {}',
  [`${lib}/telemetry/good.ts`]: `import type { AppError } from '#common/errors/good.js';`,
  [`${lib}/domain/good.ts`]: `import { AppError } from '#common/errors/good.js';`,
  [`${lib}/contracts/good.ts`]: `import '#common/domain/good.js'; import '#common/telemetry/good.js';`,
  [`${lib}/config/good.ts`]: `import '#common/contracts/good.js';`,
  [`${lib}/catalog/good.ts`]: `import 'typeorm'; import 'pg'; import '#common/contracts/good.js';`,
  [`${lib}/bus/good.ts`]: `import 'kafkajs'; import '#common/contracts/good.js';`,
  [`${lib}/bus/nest/good.ts`]: `import '@nestjs/common'; import '../good.js';`,
  [`${lib}/repository/good.ts`]: `import '@aws-sdk/client-s3';`,
  [`${lib}/process/good.ts`]: `import { spawn } from 'node:child_process';`,
  [`${lib}/pipeline/good.ts`]: `import 'node:stream'; async function* f() { await using x = open(); yield x satisfies object; }`,
  [`${lib}/sealing/good.ts`]: `import 'age-encryption'; import '#common/process/good.js';`,
  [`${lib}/engines/postgres/good.ts`]: `import 'pg'; import '#common/sealing/good.js'; import '#common/catalog/good.js';`,
  [`${lib}/engines/bucket/good.ts`]: `import '@aws-sdk/client-s3'; import '#common/repository/good.js';`,
  [`${lib}/engines/redis/good.ts`]: `import 'ioredis'; import type { P } from '../engine.js';`,
  [`${lib}/engines/meilisearch/good.ts`]: `import 'meilisearch'; import type { P } from '../engine.js';`,
  [`${lib}/engines/temporal/good.ts`]: `import '#common/engines/postgres/good.js'; import type { P } from '../engine.js';`,
  [`${lib}/engines/engine.ts`]: `import '#common/pipeline/good.js';`,
  [`${lib}/probes/good.ts`]: `import '#common/sealing/good.js';`,
  [`${lib}/operations/good.ts`]: `import '#common/probes/good.js'; import '#common/engines/postgres/good.js';`,
  [`${lib}/operations/good.unit.spec.ts`]: `import 'pg'; import 'for-tests'; import './good.js'; import '#common/testing/good.js';`,
  [`${lib}/service/good.ts`]: `import '#common/config/good.js'; import '#common/operations/good.js';`,
  [`${lib}/testing/good.ts`]: `import 'for-tests'; import 'kafkajs'; import '#common/catalog/good.js';`,
  'apps/verifier/src/good.ts': `import '#common/config/good.js'; import '#common/service/good.js';`,
  'apps/verifier/src/verifier.module.ts': `import { Module } from '@nestjs/common'; @Module({}) export class M { constructor(@Inject('x') readonly x: M) {} }`,
  'apps/verifier/src/main.ts': `import '@nestjs/common'; import './verifier.module.js'; import './good.js';`,
  'tools/services/good.ts': `import 'kafkajs'; import 'node:child_process'; import 'for-tests';`,
  'test/e2e/good.ts': `import '#common/testing/good.js'; import '#common/config/good.js'; import 'pg';`,
};

async function cruise(files: Readonly<Record<string, string>>): Promise<string[]> {
  const tree = await writeTree(files);
  try {
    const report = await new Promise<string>((resolve) => {
      execFile(process.execPath, cruiseArgs(tree, 'json'), { cwd: tree, maxBuffer: 64 << 20 }, (_, stdout, stderr) =>
        resolve(stdout || stderr),
      );
    });
    const { summary } = JSON.parse(report) as { summary: { violations: { from: string; rule: { name: string } }[] } };
    return summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`).sort();
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

describe('the dependency rules', () => {
  it('finds nothing in a tree that follows them', async () => {
    expect(await cruise(good)).toEqual([]);
  });

  it('catches one bad import per rule, and nothing else', async () => {
    const bad = Object.fromEntries(violations.map(({ file, source }) => [file, source]));
    const hen = { [`${lib}/domain/hen.ts`]: `import type { Egg } from './egg.js';` };
    const expected = violations.map(({ rule, file }) => `${rule}: ${file}`).sort();
    expect(await cruise({ ...good, ...bad, ...hen })).toEqual(expected);
  });

  it('proves every rule', () => {
    expect(violations.map(({ rule }) => rule).sort()).toEqual(forbidden.map(({ name }) => name).sort());
  });
});
