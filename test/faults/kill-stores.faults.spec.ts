import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { representative } from '#common/testing/representative.js';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { around, claiming, commitOf, committingOffset, inStore, settling, takingRequest } from './support/places.js';
import { chosenOf } from './support/report.js';
import {
  backupOf,
  newFrom,
  replacingIn,
  type Stage,
  type Store,
  type StoreKind,
  storeKinds,
} from './support/stores.js';
import { doWork, type Work } from './support/works.js';

type Marks = Parameters<typeof around>[3];

const at = ({ doing, place }: Stage, marks: Marks = {}): KillCase[] => around('executor', doing, place, marks);

const taking = (request: string): KillCase[] => [
  ...around('executor', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('executor', 'committing the offset of the request', committingOffset(request), { takeover: 'restart' }),
  ...around('executor', 'committing the claim', claiming),
];

const ending = (event: string): KillCase[] =>
  around('executor', 'committing the run with its event', settling(event), { takeover: 'restart' });

/** In the order of the steps (docs/design/ordering.md), as for a dump. */
const ofBackup = ({ storing }: StoreKind): KillCase[] => [
  ...taking('backup[.]requested'),
  ...around('executor', 'reserving the id of the backup', commitOf('catalog', /INSERT INTO holdfast[.]backups/)),
  ...around('executor', 'placing the hold', inStore({ method: 'PUT', key: /[/]holds[/]/ })),
  ...storing.flatMap((stage) => at(stage)),
  ...around('executor', 'storing the manifest', inStore({ method: 'PUT', key: /manifest[.]json$/ }), {
    representative: 'after',
  }),
  ...around('executor', 'looking for the swept marker', inStore({ method: 'HEAD', key: /[/]swept$/ })),
  ...around('executor', 'letting the hold go', inStore({ method: 'DELETE', key: /[/]holds[/]/ })),
  ...ending('backup.completed'),
];

const ofRestore = ({ writing }: StoreKind, strategy: 'new' | 'replacing'): KillCase[] => {
  const stages = writing.filter(({ only = strategy }) => only === strategy);
  const manifest = inStore({ method: 'PUT', key: /manifest[.]json$/ });
  return [
    ...taking('restore[.]requested'),
    ...around('executor', 'committing what to restore', commitOf('catalog', /INSERT INTO holdfast[.]restores/)),
    ...around('executor', 'placing the hold', inStore({ method: 'PUT', key: /[/]holds[/]restore-/ })),
    ...(strategy === 'replacing' ? around('executor', 'storing the manifest of the safety backup', manifest) : []),
    ...stages.flatMap((stage) => at(stage, stage.represents === strategy ? { representative: 'before' } : {})),
    ...around('executor', 'letting the hold go', inStore({ method: 'DELETE', key: /[/]holds[/]restore-/ })),
    ...ending('restore.completed'),
  ];
};

describe.each(representative(storeKinds))('whose app is killed while it works for $name', (kind) => {
  let store: Store;
  let cluster: Cluster;
  let place: string;
  beforeAll(async () => {
    store = await kind.start();
    cluster = await Cluster.start(store.plan);
    await doWork(cluster, backupOf(store));
    place = store.newDestination();
    await doWork(cluster, newFrom(store, place));
  }, 180_000);
  afterAll(async () => {
    await cluster?.close();
    await store?.close();
  }, 120_000);

  it.each(chosenOf(ofBackup(kind)))(
    'backup: $app $step',
    (kill) => meetKill(cluster, named(kind, backupOf(store)), kill),
    120_000,
  );

  it.each(chosenOf(ofRestore(kind, 'new')))(
    'restore (new): $app $step',
    (kill) => meetKill(cluster, named(kind, newFrom(store)), kill),
    120_000,
  );

  const { replacing } = kind;
  if (replacing === undefined) return;
  it.each(chosenOf(ofRestore(kind, 'replacing')))(
    `restore (${replacing}): $app $step`,
    (kill) => meetKill(cluster, named(kind, replacingIn(store, place, replacing)), kill),
    120_000,
  );
});

/** As the table of faults tells it apart from the same work for another store. */
const named = ({ name }: StoreKind, work: Work): Work => ({ ...work, name: `${name}: ${work.name}` });
