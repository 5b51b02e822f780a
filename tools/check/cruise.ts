import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, sourceFolders } from './root.js';

/**
 * The arguments for Node that check every dependency rule of .dependency-cruiser.cjs over the tree in `folder`
 * (this checkout, or a tree that a spec wrote).
 */
export function cruiseArgs(folder: string, report: 'err-long' | 'json'): string[] {
  return [
    '--import',
    join(root, 'dist/tools/check/swc-visitor.js'),
    join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
    '--config',
    join(root, '.dependency-cruiser.cjs'),
    '--output-type',
    report,
    ...sourceFolders.filter((name) => existsSync(join(folder, name))),
  ];
}
