import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findUnprintable } from './printable.js';
import { root } from './root.js';
import { writeTree } from './temporary-tree.js';

/** One line each: what it prints, and whether a person could read it whatever the value is. */
const bad = {
  object: 'export const a = (found: { major: number }) => `found: ${found}`;',
  unknown: 'export const a = (error: unknown) => String(error);',
  fromElsewhere: "import type { Found } from './found.js';\nexport const a = (found: Found) => `${found.list}`;",
  json: "export const a = (context: Record<string, unknown>) => `${context['found']}`;",
  undefined: 'export const a = (names: string[]) => `${names[0]}`;',
  null: 'export const a = (exitCode: number | null) => `exit code ${exitCode}`;',
  list: "export const a = (found: { major: number }[]) => found.join(', ');",
  mapped: 'export const a = (found: readonly unknown[]) => found.map(String);',
  sum: "export const a = (found: object) => 'found: ' + found;",
  instant: 'export const a = (at: Date) => `${at}`;',
  generic: 'export const a = <T>(value: T) => `${value}`;',
};

const good = {
  text: 'export const a = (name: string, n: number, big: bigint, is: boolean) => `${name} ${n} ${big} ${is}`;',
  literals: "export const a = (state: 'passed' | 'failed' | 1) => `${state}` + state;",
  branded: "type Id = string & { readonly brand: 'id' };\nexport const a = (id: Id) => `${id}`;",
  bound: 'export const a = <T extends string>(value: T) => `${value}`;',
  keys: 'export const a = <T extends { b: 1 }>(key: keyof T & string) => `${key}`;',
  narrowed: "export const a = (value: unknown) => (typeof value === 'string' ? `${value}` : '');",
  list: "export const a = (names: readonly string[], pair: [string, number]) => names.join() + pair.join(' ');",
  tagged:
    'const sql = (_: TemplateStringsArray, ...parts: object[]) => parts;\nexport const a = (part: object) => sql`${part}`;',
};

describe('the check of what is printed', () => {
  let tree: string;
  let found: string[];
  beforeAll(async () => {
    const files = (of: Readonly<Record<string, string>>, folder: string) =>
      Object.fromEntries(Object.entries(of).map(([name, source]) => [`${folder}/${name}.ts`, source]));
    const compilerOptions = { strict: true, noUncheckedIndexedAccess: true, target: 'esnext', module: 'nodenext' };
    tree = await writeTree({
      ...{ ...files(bad, 'bad'), ...files(good, 'good') },
      'bad/found.ts': 'export interface Found { readonly list: readonly { major: number }[] }',
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['bad', 'good'] }),
      'package.json': JSON.stringify({ type: 'module' }),
    });
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
    found = findUnprintable(tree, () => true).map(({ path }) => path);
  });
  afterAll(() => rm(tree, { recursive: true }));

  it.each(Object.keys(bad))('finds %s', (name) => {
    expect(found).toContain(`bad/${name}.ts`);
  });

  it('accepts what is text whatever its value', () => {
    expect(found.filter((path) => path.startsWith('good/'))).toEqual([]);
  });
});
