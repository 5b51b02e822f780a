import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './root.js';

interface LayersFile {
  readonly adapters: readonly string[];
  readonly layers: Readonly<Record<string, readonly string[]>>;
  readonly owners: Readonly<Record<string, readonly string[]>>;
}

/** What tools/check/layer-table.cjs declares; CommonJS because dependency-cruiser's configuration has to read it too. */
export const { layers }: LayersFile = createRequire(import.meta.url)(join(root, 'tools/check/layer-table.cjs'));
