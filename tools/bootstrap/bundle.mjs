/**
 * Joins each program's compiled modules and the packages that they load into a few files in `dist/bin`: finding, reading and
 * compiling a thousand small ones is most of what a start costs. `dist/bin/holdfast.js` is the command line, `dist/bin/<service>.js` a service.
 * Run by build.mjs after each compilation.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = join(root, 'dist', 'bin');
const parts = join(bin, 'parts');
const programs = { holdfast: 'cli', executor: 'executor', scheduler: 'scheduler', verifier: 'verifier' };

/** What packages would load if it were there, and nothing here needs; and what is no JavaScript. */
const external = [
  ...[
    '@nestjs/websockets*',
    '@grpc/*',
    '@nats-io/*',
    'amqplib',
    'amqp-connection-manager',
    'mqtt',
    'class-validator',
    'class-transformer',
  ],
  ...[
    '@sap/*',
    '@google-cloud/*',
    'better-sqlite3',
    'hdb-pool',
    'mongodb',
    'mssql',
    'mysql*',
    'oracledb',
    'pg-query-stream',
    'redis',
    'sql.js',
  ],
  ...['sqlite3', 'react-native-sqlite-storage', 'typeorm-aurora-data-api-driver', 'pg-native', 'snappy', 'lz4-napi'],
];

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(
    Object.entries(programs).map(([name, app]) => [name, `dist/apps/${app}/src/main.js`]),
  ),
  outdir: parts,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
  target: 'node24',
  // Errors, log lines and Nest's injection go by the names of classes.
  keepNames: true,
  sourcemap: true,
  metafile: true,
  external,
  logLevel: 'warning',
  // Packages that are CommonJS ask for Node's own modules by `require`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
});

for (const name of Object.keys(programs)) {
  const start = [
    "import module from 'node:module';",
    "import { join } from 'node:path';",
    "module.enableCompileCache(join(import.meta.dirname, 'compiled'));",
    `await import('./parts/${name}.js');`,
  ];
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, `${name}.js`), `${start.join('\n')}\n`);
}

const made = new Set(Object.keys(metafile.outputs).map((path) => relative(parts, join(root, path))));
for (const name of readdirSync(parts)) if (!made.has(name)) rmSync(join(parts, name));
rmSync(join(bin, 'compiled'), { recursive: true, force: true });
