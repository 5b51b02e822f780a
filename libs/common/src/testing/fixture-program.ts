import { fileURLToPath } from 'node:url';

/** Path of a misbehaving program in test/fixtures/programs. */
export const fixtureProgram = (name: string): string =>
  fileURLToPath(new URL(`../../../../../test/fixtures/programs/${name}`, import.meta.url));
