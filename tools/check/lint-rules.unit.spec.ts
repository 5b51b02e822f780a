import { execFile } from 'node:child_process';
import { readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './root.js';
import { writeTree } from './temporary-tree.js';

const domain = 'libs/common/src/domain';
const engine = 'libs/common/src/engines/postgres';
const composed = (statement: string) =>
  `export const run = ({ session, name, NAME, call, sql }: never) => [name, NAME, call, sql, ${statement}];`;
const lines = (count: number) => Array.from({ length: count }, (_, n) => `export const a${n} = ${n};`).join('\n');

/** One breach per rule of ours: the file, its source, what the linter must name. */
const breaches: readonly { rule: string; file: string; source: string }[] = [
  { rule: 'plugin', file: `${domain}/clock-new.ts`, source: 'export const now = new Date();' },
  { rule: 'plugin', file: `${domain}/clock-now.ts`, source: 'export const now = Date.now();' },
  { rule: 'plugin', file: `${domain}/clock-passed-on.ts`, source: 'export const now = [1].map(Date.now);' },
  { rule: 'plugin', file: `${domain}/clock-monotonic.ts`, source: 'export const now = performance.now();' },
  {
    rule: 'plugin',
    file: 'libs/common/src/bus/inline-type.ts',
    source: `export type A = Promise<import('node:fs').Stats>;`,
  },
  { rule: 'plugin', file: `${engine}/composed.ts`, source: composed('session.query(`DROP TABLE ${name}`)') },
  { rule: 'plugin', file: `${engine}/typed.ts`, source: composed('session.queryOne<{ n: 1 }>(`LIMIT ${name}`, [1])') },
  { rule: 'style/noProcessEnv', file: 'libs/common/src/bus/env.ts', source: `export const a = process.env['A'];` },
  {
    rule: 'style/noProcessEnv',
    file: 'apps/cli/src/env.ts',
    source: `import { env } from 'node:process';\nexport const a = env['A'];`,
  },
  { rule: 'suspicious/noConsole', file: 'apps/executor/src/console.ts', source: `console.log('a');` },
  {
    rule: 'style/noRestrictedImports',
    file: 'apps/executor/src/a.module.ts',
    source: `import { forwardRef } from '@nestjs/common';\nexport const a = forwardRef;`,
  },
  { rule: 'style/noExcessiveLinesPerFile', file: 'apps/cli/src/long.ts', source: lines(301) },
  { rule: 'style/noDefaultExport', file: 'apps/cli/src/default.ts', source: 'export default 1;' },
  { rule: 'suspicious/noExplicitAny', file: 'apps/cli/src/any.ts', source: 'export const a: any = 1;' },
  { rule: 'correctness/noUnusedVariables', file: 'apps/cli/src/unused.ts', source: 'const a = 1;' },
  { rule: 'performance/noBarrelFile', file: 'apps/cli/src/barrel.ts', source: `export { a } from './any.js';` },
  { rule: 'nursery/noFloatingPromises', file: 'apps/cli/src/floating.ts', source: 'const f = async () => 1;\nf();' },
  { rule: 'suspicious/noSkippedTests', file: 'apps/cli/src/a.unit.spec.ts', source: `it.skip('a', () => {});` },
  { rule: 'style/useFilenamingConvention', file: 'apps/cli/src/camelCase.ts', source: 'export const a = 1;' },
  { rule: 'complexity/noExcessiveCognitiveComplexity', file: 'apps/cli/src/deep.ts', source: deep() },
];

const allowed: Readonly<Record<string, string>> = {
  [`${engine}/quoted.ts`]: composed('session.query(sql`DROP TABLE ${name}`)'),
  [`${engine}/constant.ts`]: composed("session.query(`SELECT ${NAME}, ${call('text', `name`)}`, [`${name}`])"),
  [`${engine}/composed.unit.spec.ts`]: composed('session.query(`DROP TABLE ${name}`)'),
  [`${domain}/instant.ts`]: `export const toDate = (text: string) => new Date(text);`,
  [`${domain}/instant.unit.spec.ts`]: 'export const now = new Date();',
  'libs/common/src/config/env.ts': `export const a = process.env['A'];`,
  'libs/common/src/bus/clock.ts': 'export const now = () => Date.now();',
  'tools/a.ts': `console.log(process.env['A']);`,
  'examples/a.ts': `console.log(process.env['A']);`,
  'bench/a.ts': `console.log(process.env['A']);`,
  'test/e2e/a.ts': `export const a = process.env['A'];`,
  'apps/cli/src/console.ts': `console.log('a');`,
  'apps/cli/src/long-enough.ts': lines(300),
  'jest.config.js': 'export default {};',
};

/** Five nested branches, twice: more than a reader holds in mind. */
function deep(): string {
  const nest = (body: string): string => `if (a) { ${body} }`;
  const five = nest(nest(nest(nest(nest('return 1;')))));
  return `export function f(a: unknown) { ${five} ${five} return 2; }`;
}

async function lint(files: Readonly<Record<string, string>>): Promise<string[]> {
  const config = JSON.parse(await readFile(join(root, 'biome.json'), 'utf8')) as { vcs?: unknown };
  delete config.vcs;
  const tree = await writeTree({ ...files, 'biome.json': JSON.stringify(config) });
  try {
    await symlink(join(root, 'tools/check'), join(tree, 'tools/check'));
    const report = await new Promise<string>((resolve) => {
      const args = ['lint', '--error-on-warnings', '--reporter=json', '--max-diagnostics=200', '.'];
      execFile(join(root, 'node_modules/.bin/biome'), args, { cwd: tree }, (_, stdout) => resolve(stdout));
    });
    const { diagnostics } = JSON.parse(report) as { diagnostics: { category: string; location: { path: string } }[] };
    return diagnostics.map(({ category, location }) => `${category.replace('lint/', '')}: ${location.path}`).sort();
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

describe('the lint rules', () => {
  it('catch one breach each and let the rest pass', async () => {
    const bad = Object.fromEntries(breaches.map(({ file, source }) => [file, `${source}\n`]));
    expect(await lint({ ...allowed, ...bad })).toEqual(breaches.map(({ rule, file }) => `${rule}: ${file}`).sort());
  });
});
