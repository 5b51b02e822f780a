/** Specs run as the compiled ESM in dist/: no transform, the same code that ships. */
export default { testEnvironment: 'node', roots: ['<rootDir>/dist'], transform: {}, testMatch: ['**/*.spec.js'] };
