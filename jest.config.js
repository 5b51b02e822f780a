/**
 * Specs run as the compiled ESM in dist/: no transform, the same code that ships. `npm run unit` and `npm test` choose the
 * tier by the name of the file (tools/test/tiers.ts).
 */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/dist'],
  testMatch: ['**/*.spec.js'],
  transform: {},
  // Not a wait but a verdict: real services answer within it, or something hangs.
  testTimeout: 60_000,
};
