const { join } = require('node:path');
const { adapters, layers, owners } = require('./tools/check/layer-table.cjs');

const lib = '^libs/common/src/';
const specs = '[.]spec[.]ts$';
/** What ships. Specs and what only specs import (testing/) may reach for anything. */
const production = { path: '^(apps|libs)/', pathNot: [specs, `${lib}testing/`] };
const oneOf = (names) => `(${names.join('|')})`;
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** `config` and `testing` have rules of their own: who may read them does not depend on the layer. */
const layerRules = Object.entries(layers).flatMap(([layer, allowed]) => {
  const forbidden = Object.keys(layers).filter((other) => ![layer, 'config', ...allowed].includes(other));
  if (forbidden.length === 0) return [];
  return rule(
    `layer-${layer}`,
    `${layer} may import ${allowed.join(', ') || 'no other folder'}`,
    { path: `${lib}${layer}/`, pathNot: specs },
    { path: `${lib}${oneOf(forbidden)}/` },
  );
});

const ownerRules = Object.entries(owners).map(([name, places]) =>
  rule(
    `only-its-owner-imports-${name.replace('@', '')}`,
    `${name} is used in one place, behind a type of ours`,
    { ...production, pathNot: [...production.pathNot, ...places] },
    { path: `(^|/)node_modules/(@types/)?${name}/` },
  ),
);

module.exports = {
  forbidden: [
    ...layerRules,
    ...ownerRules,
    rule(
      'only-process-spawns',
      'children are supervised in one place: groups, deadlines, stderr tails',
      { ...production, pathNot: [...production.pathNot, `${lib}process/`] },
      { dependencyTypes: ['core'], path: '^(node:)?child_process$' },
    ),
    rule(
      'adapters-stay-apart',
      'an adapter gets plain options or a port, never another adapter',
      { path: `${lib}${oneOf(adapters)}/`, pathNot: specs },
      { path: `${lib}${oneOf(adapters)}/`, pathNot: `${lib}$1/` },
    ),
    rule(
      'engines-stay-apart',
      'what two engines share belongs in process or pipeline',
      { path: `${lib}engines/(?!temporal/)([^/]+)/`, pathNot: specs },
      { path: `${lib}engines/[^/]+/`, pathNot: `${lib}engines/$1/` },
    ),
    rule(
      'temporal-is-a-preset-over-postgres',
      'of the other engines it may use that of PostgreSQL',
      { path: `${lib}engines/temporal/`, pathNot: specs },
      { path: `${lib}engines/[^/]+/`, pathNot: `${lib}engines/(temporal|postgres)/` },
    ),
    rule(
      'only-apps-read-config',
      'everybody else takes plain options as arguments',
      { ...production, pathNot: [...production.pathNot, '^apps/', `${lib}(config|service)/`] },
      { path: `${lib}config/` },
    ),
    rule('only-specs-import-testing', 'builders and fakes do not ship', production, { path: `${lib}testing/` }),
    rule(
      'apps-stay-apart',
      'apps talk by events',
      { path: '^apps/([^/]+)/' },
      { path: '^apps/', pathNot: '^apps/$1/' },
    ),
    rule('libs-never-import-apps', 'the arrow points the other way', { path: '^libs/' }, { path: '^apps/' }),
    rule('production-imports-production', 'tools, tests and examples do not ship', production, {
      path: '^(tools|test|examples|bench)/',
    }),
    rule('no-dev-dependency-in-production', 'it is absent where we are installed', production, {
      dependencyTypes: ['npm-dev'],
      dependencyTypesNot: ['type-only'],
    }),
    rule(
      'declared-dependencies',
      'a package that somebody else brought can leave again',
      {},
      {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown'],
      },
    ),
    rule('resolvable', 'the file or package does not exist', {}, { couldNotResolve: true }),
    rule('no-cycles', 'two files that need each other are one idea', {}, { circular: true }),
    rule(
      'no-orphans',
      'nobody imports it and it imports nobody',
      { orphan: true, path: '[.]ts$', pathNot: ['(^|/)main[.]ts$', specs] },
      {},
    ),
  ],
  options: {
    // TypeScript 7 has no JavaScript API; swc parses, and keeps type-only imports. See docs/decisions.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
    webpackConfig: { fileName: join(__dirname, 'tools/check/resolve.cjs') },
  },
};
