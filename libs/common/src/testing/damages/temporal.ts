import { temporal } from '#common/engines/temporal/temporal.engine.js';
import { onServer } from '#common/testing/restored-shop.js';
import { TemporalDatabases } from '#common/testing/temporal-databases.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

/** Both restored databases. */
interface Stores {
  say(store: 'main' | 'visibility', statement: string): Promise<unknown>;
}

const DAMAGES: readonly SeededDamage<Stores>[] = [
  {
    name: 'the schema of the main store is of another version',
    use: 'temporal',
    does: ({ say }) => say('main', `UPDATE schema_version SET curr_version = '1.2'`),
    found: 'schema version of the main store: 1.2 instead of',
  },
  {
    name: 'the schema of the visibility store is of another version',
    use: 'temporal',
    does: ({ say }) => say('visibility', `UPDATE schema_version SET curr_version = '1.2'`),
    found: 'schema version of the visibility store: 1.2 instead of',
  },
  {
    name: 'a namespace is lost',
    use: 'temporal',
    does: ({ say }) => say('main', `DELETE FROM namespaces WHERE name = 'spec'`),
    found: 'namespace spec: is missing',
  },
  {
    name: 'a namespace has another name',
    use: 'temporal',
    does: ({ say }) => say('main', `UPDATE namespaces SET name = 'other' WHERE name = 'spec'`),
    found: 'name of namespace',
  },
  {
    name: 'an open execution is lost',
    use: 'temporal',
    does: ({ say }) =>
      say('main', 'DELETE FROM current_executions WHERE ctid = (SELECT ctid FROM current_executions LIMIT 1)'),
    found: 'open executions in namespace spec: 2 instead of 3',
  },
  {
    name: 'an open execution is not listed',
    use: 'temporal',
    does: ({ say }) =>
      say(
        'visibility',
        'DELETE FROM executions_visibility WHERE ctid = (SELECT ctid FROM executions_visibility LIMIT 1)',
      ),
    found: 'listed open executions in namespace spec: 2 instead of 3',
  },
  {
    name: 'a row of the main store is lost',
    use: 'temporal-row-counts',
    does: ({ say }) => say('main', 'DELETE FROM executions WHERE ctid = (SELECT ctid FROM executions LIMIT 1)'),
    found: 'main: public.executions: 1 row fewer than in the backup',
  },
  {
    name: 'a row of the visibility store is another one',
    use: 'temporal-fingerprints',
    does: ({ say }) => say('visibility', `UPDATE executions_visibility SET workflow_type_name = 'other'`),
    found: 'visibility: public.executions_visibility: the content differs',
  },
  {
    name: 'an index of the visibility store is lost',
    use: 'temporal-schema',
    does: ({ say }) => say('visibility', 'DROP INDEX by_workflow_id'),
    found: 'visibility: index public.by_workflow_id: is missing',
  },
];

/** The databases of a Temporal with three open executions. */
export const temporalDamages = defineDamages('temporal', DAMAGES, async (): Promise<DamageFixture<Stores>> => {
  const source = await TemporalDatabases.create();
  for (let times = 0; times < 3; times += 1) await source.addExecution();
  const made: string[] = [];
  return {
    engine: temporal,
    dataset: { url: `${source.url}/${source.name}`, toolDirectories: [source.binDir] },
    target: { url: source.url, toolDirectories: [source.binDir], privileges: 'keep' },
    method: 'dump',
    newDestination: () => {
      made.push(`${source.name}_r${made.length}`);
      return made.at(-1) ?? '';
    },
    open: (destination) => ({
      say: (store, statement) =>
        source.on(store === 'main' ? destination : `${destination}_visibility`, (session) => session.query(statement)),
    }),
    names: () => ({}),
    copy: async (restored, destination) => {
      for (const suffix of ['', '_visibility'])
        await onServer(`CREATE DATABASE ${destination}${suffix} TEMPLATE ${restored}${suffix}`);
    },
    remove: (destination) => source.drop(destination),
    close: async () => {
      for (const name of made) await source.drop(name);
      await source.drop();
    },
  };
});
