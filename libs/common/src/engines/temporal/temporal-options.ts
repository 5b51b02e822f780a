import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { DatabaseName } from '#common/engines/postgres/database-name.js';
import {
  PostgresDatasetOptions,
  PostgresTargetOptions,
  postgresDataset,
  postgresTarget,
} from '#common/engines/postgres/postgres-options.js';
import { withDatabase } from '#common/pg/connection.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import type { TemporalDataset, TemporalTarget } from './temporal-dataset.js';

const DatasetOptions = PostgresDatasetOptions.pick({
  toolDirectories: true,
  fingerprint: true,
  exactCountLimit: true,
  lockTimeoutMs: true,
}).extend({
  url: PostgresUrl.describe('The main store, `defaultStore` in the configuration of Temporal'),
  visibilityUrl: PostgresUrl.optional().describe(
    'The visibility store. Default: on the same server by the same role, the name of the main store with `_visibility` behind it',
  ),
});

/** What holdfast.yaml says of the databases of a Temporal. */
export const temporalDataset = defineOptions(
  DatasetOptions.strip(),
  (common: ProtectedDataset, { visibilityUrl, ...options }): TemporalDataset => {
    const main = postgresDataset.resolve(common, options);
    const { connection } = main;
    const visibility =
      visibilityUrl === undefined
        ? { ...main, connection: withDatabase(connection, `${connection.database}_visibility`) }
        : postgresDataset.resolve(common, { ...options, url: visibilityUrl });
    return { ...common, main, visibility };
  },
);

const TargetOptions = PostgresTargetOptions.pick({
  url: true,
  toolDirectories: true,
  owner: true,
  privileges: true,
  missingRoles: true,
  jobs: true,
  lockTimeoutMs: true,
}).extend({
  visibilityDatabase: DatabaseName.refine((name) => name !== '*', 'must differ from the name of the main store')
    .default('*_visibility')
    .describe('What the visibility store is called; * stands for the destination, which names the main store'),
});

/** What holdfast.yaml says of a server to restore both databases to. */
export const temporalTarget = defineOptions(
  TargetOptions.strip(),
  (common: RestoreTarget, { visibilityDatabase, ...options }): TemporalTarget => ({
    ...common,
    server: postgresTarget.resolve(common, options),
    visibilityDatabase,
  }),
);
