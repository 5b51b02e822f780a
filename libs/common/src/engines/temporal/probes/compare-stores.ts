import type { Evidence } from '#common/domain/verdict.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import type { MainStore, VisibilityStore } from '#common/engines/temporal/read-stores.js';

interface Restored {
  readonly main: MainStore;
  readonly visibility: VisibilityStore;
}

/** What differs between the backup's snapshots and what was restored. */
export const compareStores = (expected: TemporalFacts, { main, visibility }: Restored): Evidence[] => [
  ...differ('schema version of the main store', expected.schemaVersions.main, main.schemaVersion),
  ...differ('schema version of the visibility store', expected.schemaVersions.visibility, visibility.schemaVersion),
  ...compareClusters(expected, main),
  ...compareNamespaces(expected, { main, visibility }),
];

function compareClusters({ clusters }: TemporalFacts, main: MainStore): Evidence[] {
  const others = main.clusters.filter(({ name }) => clusters.every((each) => each.name !== name));
  return [
    ...clusters.flatMap(({ name, id, historyShardCount }) => {
      const now = main.clusters.find((each) => each.name === name);
      if (now === undefined) return [{ subject: `cluster ${name}`, problem: 'is missing' }];
      return [
        ...differ(`id of cluster ${name}`, id, now.id),
        ...differ(`history shards of cluster ${name}`, historyShardCount, now.historyShardCount),
      ];
    }),
    ...others.map(({ name }) => ({ subject: `cluster ${name}`, problem: 'is not in the backup' })),
  ];
}

function compareNamespaces({ namespaces }: TemporalFacts, { main, visibility }: Restored): Evidence[] {
  const others = main.namespaces.filter(({ id }) => namespaces.every((each) => each.id !== id));
  return [
    ...namespaces.flatMap(({ id, name, openExecutions, listedOpen }) => {
      const now = main.namespaces.find((each) => each.id === id);
      if (now === undefined) return [{ subject: `namespace ${name}`, problem: 'is missing' }];
      return [
        ...differ(`name of namespace ${id}`, name, now.name),
        ...differ(`open executions in namespace ${name}`, openExecutions, main.open.get(id) ?? 0),
        ...differ(`listed open executions in namespace ${name}`, listedOpen, visibility.open.get(id) ?? 0),
      ];
    }),
    ...others.map(({ name }) => ({ subject: `namespace ${name}`, problem: 'is not in the backup' })),
  ];
}

const differ = (subject: string, expected: string | number, actual: string | number): Evidence[] =>
  expected === actual ? [] : [{ subject, expected, actual, problem: `${actual} instead of ${expected}` }];
