import type { Engine } from '#common/engines/engine.js';
import type { Summary } from '#common/engines/summary.js';
import { documentsMethod } from './documents/documents.method.js';
import { DocumentsFacts } from './documents-facts.js';
import { datasetChecks, hostNamesOf, measureIndexes, targetChecks } from './meilisearch-checks.js';
import { MeilisearchClient } from './meilisearch-client.js';
import { type MeilisearchDataset, type MeilisearchTarget, placeOf } from './meilisearch-dataset.js';
import { meilisearchDataset, meilisearchTarget } from './meilisearch-options.js';
import { documentsProbe } from './probes/documents.probe.js';
import { rebuildIndexes } from './rebuild/rebuild-indexes.js';
import { toDestination, toPrefix } from './restore/destination.js';
import { DocumentsDriver } from './restore/documents.driver.js';
import { WrittenFileDriver } from './written-files/written-file.driver.js';
import { WrittenFileMethod } from './written-files/written-file.method.js';

/** Indexes of Meilisearch. */
export const meilisearch: Engine<MeilisearchDataset, MeilisearchTarget, DocumentsFacts> = {
  kind: 'meilisearch',
  dataset: meilisearchDataset,
  target: meilisearchTarget,
  facts: DocumentsFacts,
  methods: [documentsMethod, new WrittenFileMethod('dump'), new WrittenFileMethod('snapshot')],
  restores: [new DocumentsDriver(), new WrittenFileDriver('dump'), new WrittenFileDriver('snapshot')],
  probes: [documentsProbe],
  rebuild: rebuildIndexes,
  place: placeOf,
  toDestination: (wanted) => toDestination(wanted),
  toDrillDestination: (runId, attempt) => `drill-${runId}-${attempt}-`,
  assertThere: async ({ connection }, _destination, signal) => {
    await new MeilisearchClient(connection, signal).version();
  },
  forbidden: () => [],
  toSafetyDataset: (dataset, { connection }, destination) => ({
    ...{ ...dataset, connection, prefix: toPrefix(destination) },
  }),
  checks: { dataset: datasetChecks, target: targetChecks, measure: measureIndexes, hostNames: hostNamesOf },
  summarise: toSummary,
};

function toSummary(facts: DocumentsFacts): Summary {
  const { takenAt, version, indexes, keys, file } = facts;
  if (file !== undefined)
    return {
      ...{ snapshotAt: takenAt, source: `a ${file.kind} of Meilisearch ${version}`, sourceSizeBytes: file.sizeBytes },
      counts: {
        indexes: file.indexes.length,
        documents: file.indexes.reduce((total, { documents }) => total + documents, 0),
      },
      warnings: [],
    };
  const sum = (of: (index: (typeof indexes)[number]) => number): number =>
    indexes.reduce((total, index) => total + of(index), 0);
  return {
    snapshotAt: takenAt,
    source: `indexes of Meilisearch ${version}`,
    sourceSizeBytes: sum(({ sizeBytes }) => sizeBytes),
    counts: { indexes: indexes.length, documents: sum(({ documents }) => documents) },
    warnings: [
      ...indexes
        .filter(({ secrets }) => secrets.length > 0)
        .map(
          ({ name, secrets }) =>
            `${name}: ${secrets.join(', ')} not in the backup; \`embedderSecrets\` of a target gives them`,
        ),
      ...(keys === null ? ['API keys and webhooks are not listed, for the key may not'] : []),
    ],
  };
}
