import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const folders = ['apps', 'libs', 'test', 'tools', 'examples'];

/** `layout.unit.spec.ts`: “name of a test”, “name of another one” */
const NAMED = /`([\w.-]+\.ts)`: ((?:“[^”]+”(?:,\s+)?)+)/g;

function readAll(folder: string, suffix: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(suffix));
  return new Map(paths.map((path) => [path.split('/').at(-1) ?? path, readFileSync(join(folder, path), 'utf8')]));
}

describe('a test that the documentation names', () => {
  const sources = new Map(folders.flatMap((folder) => [...readAll(folder, '.ts')]));

  it.each([...readAll('docs/design', '.md')])('in docs/design/%s exists', (_page, text) => {
    const named = [...text.matchAll(NAMED)].flatMap(([, file = '', names = '']) =>
      [...names.matchAll(/“([^”]+)”/g)].map(([, name = '']) => ({ file, name: name.replace(/\s+/g, ' ') })),
    );
    const missing = named.filter(({ file, name }) => !sources.get(file)?.includes(`'${name}'`));
    expect(missing).toEqual([]);
  });

  it('is found in the page that names most of them', () => {
    expect(readFileSync('docs/design/ordering.md', 'utf8').match(NAMED)?.length).toBeGreaterThan(10);
  });
});
