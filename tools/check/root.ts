import { fileURLToPath } from 'node:url';

/** The root of the checkout; this file runs as dist/tools/check/root.js. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Folders with sources of ours. */
export const sourceFolders = ['apps', 'libs', 'tools', 'test', 'examples', 'bench'] as const;
