import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of this installation, as package.json states it: found upwards, for the code runs from dist/. */
export const holdfastVersion: string = findVersion(import.meta.dirname);

function findVersion(folder: string): string {
  try {
    const found: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return (found as { version: string }).version;
  } catch (error) {
    if (dirname(folder) === folder) throw error;
    return findVersion(dirname(folder));
  }
}
