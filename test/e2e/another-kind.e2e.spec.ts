import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { toIssueText } from '#common/errors/issue-text.js';
import { root } from '#tools/check/root.js';
import { ScratchCopy } from '#tools/reversals/scratch-copy.js';

const { signal } = new AbortController();
const LONG_MS = 300_000;
const IMPORT = "import { folder } from './folder/folder.engine.js';\n";

let copy: ScratchCopy;
beforeAll(async () => {
  copy = await ScratchCopy.create();
  const engines = join(copy.folder, 'libs/common/src/engines');
  await cp(join(root, 'test/fixtures/engines/folder'), join(engines, 'folder'), { recursive: true });
  await rename(join(engines, 'folder/folder.contract.ts'), join(engines, 'folder/folder.contract.int.spec.ts'));
  await rename(join(copy.folder, 'test/e2e/toy-kind.ts'), join(copy.folder, 'test/e2e/toy-kind.e2e.spec.ts'));
  await register(engines);
  await copy.build(signal);
}, LONG_MS);
afterAll(() => copy?.remove());

/** The one line, and the import that it needs. */
async function register(engines: string): Promise<void> {
  const file = join(engines, 'engines.ts');
  const before = await readFile(file, 'utf8');
  const after = before.replace(/^export const engines.* = \[/m, '$&folder, ').replace(/^import /m, `${IMPORT}$&`);
  expect(after).not.toBe(before);
  await writeFile(file, after);
}

describe('a new kind of dataset, by one folder and one line of the registry', () => {
  it(
    'keeps the contract of every engine',
    async () => {
      const { outcome, output } = await copy.runSpec('folder.contract.int.spec.ts', signal);
      expect(outcome === 'passed' ? '' : output).toBe('');
    },
    LONG_MS,
  );

  it(
    'works in configuration, events, command line, retention and verification',
    async () => {
      const { outcome, output } = await copy.runSpec('toy-kind.e2e.spec.ts', signal);
      expect(outcome === 'passed' ? '' : output).toBe('');
    },
    LONG_MS,
  );

  it('is unknown to a program without the line, which says what it knows', () => {
    const datasets = { files: { kind: 'folder', path: '/srv', repositories: ['disk'] } };
    const read = HoldfastConfig.safeParse({ repositories: { disk: { url: 'file:///srv/backups' } }, datasets });
    expect(read.error?.issues.map((issue) => toIssueText(issue, 'holdfast.yaml'))).toEqual([
      expect.stringMatching(/^datasets\.files\.kind: .*postgres/),
    ]);
  });
});
