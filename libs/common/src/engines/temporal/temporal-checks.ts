import type { Check } from '#common/engines/check.js';
import {
  datasetChecks as databaseChecks,
  hostNamesOf,
  measureDatabase,
} from '#common/engines/postgres/checks/dataset-checks.js';
import { targetChecks as serverChecks } from '#common/engines/postgres/checks/target-checks.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { readMainStore, readVisibilityStore } from './read-stores.js';
import { nameOf, STORES, type TemporalDataset, type TemporalTarget } from './temporal-dataset.js';

/** Can both databases be backed up, and are they those of a Temporal? */
export function datasetChecks(dataset: TemporalDataset, signal: AbortSignal): Check[] {
  const nameIn = (store: (typeof STORES)[number]): string => `${dataset.name}, ${nameOf(store)}`;
  const options = { signal, applicationName: 'holdfast check' };
  return [
    ...STORES.flatMap((store) => databaseChecks({ ...dataset[store], name: nameIn(store) }, signal)),
    {
      name: `dataset ${dataset.name}: schema of Temporal`,
      needs: STORES.map((store) => `dataset ${nameIn(store)}: connection`),
      run: async () => {
        const main = await withPgSession(dataset.main.connection, options, readMainStore);
        const visibility = await withPgSession(dataset.visibility.connection, options, readVisibilityStore);
        const shards = main.clusters.map(
          ({ name, historyShardCount }) => `${historyShardCount} history shards in ${name}`,
        );
        return [`main ${main.schemaVersion}, visibility ${visibility.schemaVersion}`, ...shards].join('; ');
      },
    },
  ];
}

/** Could a restore of both databases go to this target tonight? */
export const targetChecks = ({ name, server }: TemporalTarget, signal: AbortSignal): Check[] =>
  serverChecks({ ...server, name }, signal);

/** How much there is to back up in both. */
export async function measureStores(dataset: TemporalDataset, signal: AbortSignal): Promise<number> {
  const sizes = await Promise.all(STORES.map((store) => measureDatabase(dataset[store], signal)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const hostNames = (dataset: TemporalDataset): string[] => STORES.flatMap((store) => hostNamesOf(dataset[store]));
