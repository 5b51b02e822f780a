import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const sourceFolders = ['apps', 'libs', 'test', 'tools', 'bench', 'examples'];

function* filesUnder(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/** Changes whenever a source is added, removed or written, or the compiler's options change. A few milliseconds. */
function fingerprint(root) {
  const hash = createHash('sha256');
  const add = (path) => {
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? {};
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  for (const name of ['tsconfig.json', 'package-lock.json']) add(join(root, name));
  for (const folder of sourceFolders) {
    for (const path of filesUnder(join(root, folder))) if (path.endsWith('.ts')) add(path);
  }
  return hash.digest('hex');
}

/** A spec whose source is gone must not run any more, and an import of a deleted file must not resolve. */
function pruneOutputs(root) {
  for (const folder of sourceFolders) {
    for (const path of filesUnder(join(root, 'dist', folder))) {
      const [, stem] = /^(.*)\.js(?:\.map)?$/.exec(path) ?? [];
      if (stem && !existsSync(`${join(root, stem.slice(join(root, 'dist').length))}.ts`)) rmSync(path, { force: true });
    }
  }
}

/**
 * Brings dist/ in step with the sources; does nothing when no source changed since the last good build.
 * A build with type errors still emits, reports `failed`, and is tried again next time.
 */
export function build(root, node, { run }) {
  const stampPath = join(root, 'dist', '.built');
  const wanted = fingerprint(root);
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === wanted) return { failed: false, output: '' };
  pruneOutputs(root);
  const compiled = run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root]);
  // Types that do not fit leave code that runs all the same: `check` and `test` go on with it, and say so.
  const bundled = run(node, [join(root, 'tools', 'bootstrap', 'bundle.mjs')]);
  const failed = [compiled, bundled].filter(({ status }) => status !== 0);
  if (failed.length > 0) {
    return { failed: true, output: failed.map(({ stdout, stderr }) => `${stdout ?? ''}${stderr ?? ''}`).join('') };
  }
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampPath, wanted);
  return { failed: false, output: '' };
}
