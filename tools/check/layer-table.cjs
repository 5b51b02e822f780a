/**
 * The folders of libs/common/src and what each may import besides itself. Left of the arrow may not know the right:
 * errors ← domain ← contracts ← adapters ← sealing ← probes ← engines ← config, operations ← service ← apps.
 * A folder that is not listed here is an error of its own: a new kind of folder is a decision, not an accident.
 */
const core = ['errors', 'domain', 'contracts', 'telemetry', 'pg'];
const adapters = ['catalog', 'bus', 'repository', 'process', 'pipeline'];

const layers = {
  errors: [],
  domain: ['errors'],
  telemetry: ['errors'],
  contracts: ['errors', 'domain', 'telemetry'],
  // How to reach a PostgreSQL server: the configuration checks it, the catalog and the engine use it.
  pg: ['errors', 'domain'],
  // Which options and methods a dataset has, its engine says; a plan expects answers as the http probe does.
  config: [...core, 'engines', 'probes'],
  // Adapters get plain options and never each other; that they stay apart is a rule of its own.
  ...Object.fromEntries(adapters.map((adapter) => [adapter, [...core, ...adapters]])),
  // What an engine's bytes go through on their way to the repository and back.
  sealing: [...core, 'process'],
  engines: [...core, ...adapters, 'sealing', 'probes'],
  // A probe asks a restored system through the same clients as the engine that restored it.
  probes: [...core, ...adapters, 'sealing'],
  // Operations also serve `--local`, where there is no catalog.
  operations: [...core, ...adapters.filter((adapter) => adapter !== 'catalog'), 'sealing', 'engines', 'probes'],
  // What the apps share to turn a configuration into adapters and operations; imported by apps only.
  service: [...core, ...adapters, 'config', 'sealing', 'engines', 'probes', 'operations'],
};

/** Packages that one place owns, so that its quirks are handled once. Values: patterns of the files that may import them. */
const owners = {
  '@nestjs': ['(^|/)main[.]ts$', '[.]module[.]ts$', '[.]controller[.]ts$', '^libs/common/src/(bus|service)/nest/'],
  kafkajs: ['^libs/common/src/bus/'],
  typeorm: ['^libs/common/src/catalog/'],
  pg: ['^libs/common/src/(catalog|engines/postgres|pg)/'],
  '@aws-sdk': ['^libs/common/src/(repository|engines/bucket)/'],
  'age-encryption': ['^libs/common/src/sealing/'],
  ioredis: ['^libs/common/src/engines/redis/'],
  meilisearch: ['^libs/common/src/engines/(meilisearch|postgres/probes/search)/'],
};

module.exports = { adapters, layers, owners };
