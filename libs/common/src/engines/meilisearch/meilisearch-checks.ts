import { type Check, CheckWarning } from '#common/engines/check.js';
import { MeilisearchClient } from './meilisearch-client.js';
import type { MeilisearchDataset, MeilisearchTarget } from './meilisearch-dataset.js';
import { loadIndexes } from './pick-indexes.js';
import { assertReadable } from './written-files/written-file.method.js';

/** Can these indexes be backed up? */
export function datasetChecks(dataset: MeilisearchDataset, signal: AbortSignal): Check[] {
  const { name, connection } = dataset;
  const client = new MeilisearchClient(connection, signal);
  const connected = `dataset ${name}: connection`;
  return [
    { name: connected, run: () => tellVersion(client) },
    {
      name: `dataset ${name}: indexes`,
      needs: [connected],
      run: async () => {
        const indexes = await loadIndexes(client, dataset);
        for (const { view } of indexes) {
          await client.settings(view.uid);
          await client.documents(view.uid, 0, 1);
          await client.tasks({ indexUids: view.uid, limit: 1 });
        }
        return `the key reads settings, documents and tasks of ${indexes.map((each) => each.name).join(', ')}`;
      },
    },
    {
      name: `dataset ${name}: API keys and webhooks`,
      needs: [connected],
      run: async () => {
        const lists = await Promise.all((['keys', 'webhooks'] as const).map((path) => client.listIfAllowed(path)));
        if (lists.every((list) => list !== undefined)) return 'the key lists them; a backup holds their names only';
        throw new CheckWarning(
          'the key may not list API keys or webhooks, so no restore says which are missing: grant keys.get and webhooks.get',
        );
      },
    },
    ...Object.entries(dataset.directories).flatMap(([kind, directory]) =>
      directory === undefined
        ? []
        : [{ name: `dataset ${name}: directory for a ${kind}`, run: () => tellDirectory(directory) }],
    ),
  ];
}

/** Could a restore go to this server tonight? */
export function targetChecks({ name, connection }: MeilisearchTarget, signal: AbortSignal): Check[] {
  const client = new MeilisearchClient(connection, signal);
  const connected = `target ${name}: connection`;
  return [
    { name: connected, run: () => tellVersion(client) },
    {
      name: `target ${name}: indexes and tasks`,
      needs: [connected],
      run: async () => {
        const indexes = await client.listIndexes();
        await client.tasks({ limit: 1 });
        return `the key lists ${indexes.length === 1 ? 'one index' : `${indexes.length} indexes`} and the tasks`;
      },
    },
  ];
}

async function tellDirectory(directory: string): Promise<string> {
  await assertReadable(directory);
  return `${directory} can be read, or is made by the server with its first file`;
}

const tellVersion = async (client: MeilisearchClient): Promise<string> =>
  `Meilisearch ${await client.version()} answers at ${client.place}`;

/** What the documents take, as the server counts. Throws: meilisearch.*. */
export async function measureIndexes(dataset: MeilisearchDataset, signal: AbortSignal): Promise<number> {
  const client = new MeilisearchClient(dataset.connection, signal);
  let bytes = 0;
  for (const { view } of await loadIndexes(client, dataset)) bytes += await client.sizeBytes(view.uid);
  return bytes;
}

export const hostNamesOf = ({ connection }: MeilisearchDataset): string[] => [new URL(connection.url).hostname];
