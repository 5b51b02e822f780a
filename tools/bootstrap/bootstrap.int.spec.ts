import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { root } from '#tools/check/root.js';
import { writeTree } from '#tools/check/temporary-tree.js';

interface Run {
  readonly run: (command: string, args: readonly string[]) => { readonly status: number; readonly stdout: string };
}
interface Build {
  build(root: string, node: string, deps: Run): { readonly failed: boolean; readonly output: string };
}
interface Install {
  isInstalled(root: string, node: string): boolean;
}

const load = async <T>(name: string) => (await import(pathToFileURL(join(root, 'tools/bootstrap', name)).href)) as T;
const { build } = await load<Build>('build.mjs');
const { isInstalled } = await load<Install>('install.mjs');

/** The bootstrap as a machine's Node of that version would run it. */
async function bootstrapUnder(version: string) {
  tree = await writeTree({
    'fake.cjs': `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
  });
  const args = ['--require', join(tree, 'fake.cjs'), join(root, 'tools/bootstrap.mjs'), 'no-such-entry'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

let tree = '';
afterEach(() => rm(tree, { recursive: true, force: true }));

describe('the Node of the machine', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  const oldest = engines.node.replace('>=', '');

  it('is refused in one line when it is too old to start with', async () => {
    for (const version of ['14.21.3', `${Number(oldest.split('.')[0]) - 1}.99.0`]) {
      const output = `Holdfast needs Node ${oldest} or newer to start, and this is Node ${version}: install a newer one\n`;
      expect(await bootstrapUnder(version)).toEqual({ status: 1, output });
    }
  });

  it('starts everything from the version on that package.json names', async () => {
    for (const version of [`${oldest}.0.0`, '100.0.0']) {
      expect((await bootstrapUnder(version)).output).toBe('there is no dist/tools/no-such-entry/main.js\n');
    }
  });
});

describe('build', () => {
  const compiler = (status = 0) => {
    const calls: string[] = [];
    const run = (_: string, [script]: readonly string[]) => {
      if (!script?.endsWith('tsc')) return { status: 0, stdout: '' };
      calls.push('tsc');
      return { status, stdout: 'a.ts: error' };
    };
    return { calls, run };
  };

  it('compiles when a source was added, changed or removed, and only then', async () => {
    tree = await writeTree({ 'tools/a.ts': '' });
    const { calls, run } = compiler();
    const runsAfter = () => {
      build(tree, 'node', { run });
      return calls.splice(0).length;
    };
    expect([runsAfter(), runsAfter()]).toEqual([1, 0]);
    await writeFile(join(tree, 'tools/b.ts'), '');
    expect([runsAfter(), runsAfter()]).toEqual([1, 0]);
    await writeFile(join(tree, 'tools/b.ts'), 'changed');
    expect([runsAfter(), runsAfter()]).toEqual([1, 0]);
    await rm(join(tree, 'tools/b.ts'));
    expect([runsAfter(), runsAfter()]).toEqual([1, 0]);
  });

  it('removes what a deleted source left in dist, so that its spec does not run any more', async () => {
    tree = await writeTree({
      'tools/a.ts': '',
      'dist/tools/a.js': '',
      'dist/tools/gone.unit.spec.js': '',
      'dist/tools/gone.unit.spec.js.map': '',
      'dist/tools/data.json': '',
    });
    build(tree, 'node', { run: compiler().run });
    const left = ['a.js', 'gone.unit.spec.js', 'gone.unit.spec.js.map', 'data.json'].filter((name) =>
      existsSync(join(tree, 'dist/tools', name)),
    );
    expect(left).toEqual(['a.js', 'data.json']);
  });

  it('tries a failed build again', async () => {
    tree = await writeTree({ 'tools/a.ts': '' });
    const { calls, run } = compiler(1);
    expect(build(tree, 'node', { run })).toEqual({ failed: true, output: 'a.ts: error' });
    build(tree, 'node', { run });
    expect(calls).toHaveLength(2);
  });
});

describe('isInstalled', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const given = async (wanted: object, installed: object | undefined) => {
    tree = await writeTree({
      node: '',
      'package-lock.json': lock({ '': { name: 'holdfast' }, ...wanted }),
      ...(installed && { 'node_modules/.package-lock.json': lock(installed) }),
    });
    return isInstalled(tree, join(tree, 'node'));
  };
  const pg = { 'node_modules/pg': { version: '2.0.0' } };

  it('is true for exactly the versions of the lock file, whatever other platforms would need', async () => {
    const other = { 'node_modules/fsevents': { version: '1.0.0', optional: true } };
    expect(await given({ ...pg, ...other }, pg)).toBe(true);
  });

  it.each([
    ['nothing is installed', undefined],
    ['a package is missing', {}],
    ['a package has another version', { 'node_modules/pg': { version: '1.9.0' } }],
  ])('is false when %s', async (_, installed) => {
    expect(await given(pg, installed)).toBe(false);
  });
});
