import { findUnprintable } from './printable.js';
import { root } from './root.js';

/** What is shipped: a message of a test may be as it likes. */
const isShipped = (path: string): boolean =>
  /^(apps|libs)\//.test(path) && !path.endsWith('.spec.ts') && !path.includes('/testing/');

const found = findUnprintable(root, isShipped);
for (const { path, line, source, type } of found)
  console.log(`${path}:${line}: ${source} is ${type}: narrow it, or print it by toText (errors/printable.ts)`);
process.exitCode = found.length === 0 ? 0 : 1;
