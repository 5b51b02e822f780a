import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { representative } from '#common/testing/representative.js';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import {
  backupOf,
  datasetKinds,
  failingNewFrom,
  type KilledKind,
  newFrom,
  type RunningKind,
  replacingIn,
  type Stage,
} from './support/kinds.js';
import { meetLastKill } from './support/last-kill.js';
import { around, claiming, commitOf, committingOffset, inStorage, settling, takingRequest } from './support/places.js';
import { chosenOf } from './support/report.js';
import { doWork, type Work } from './support/works.js';

type Marks = Parameters<typeof around>[3];

const at = ({ doing, place, isHalf }: Stage, marks: Marks = {}): KillCase[] =>
  around('executor', doing, place, marks).slice(0, isHalf ? 1 : 2);

const taking = (request: string): KillCase[] => [
  ...around('executor', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('executor', 'committing the offset of the request', committingOffset(request), { takeover: 'restart' }),
  ...around('executor', 'committing the claim', claiming),
];

const ending = (event: string): KillCase[] =>
  around('executor', 'committing the run with its event', settling(event), { takeover: 'restart' });

/** In the order of the steps (docs/design/ordering.md), as for a dump. */
const ofBackup = ({ storing }: KilledKind): KillCase[] => [
  ...taking('backup[.]requested'),
  ...around('executor', 'reserving the id of the backup', commitOf('catalog', /INSERT INTO holdfast[.]backups/)),
  ...around('executor', 'placing the hold', inStorage({ method: 'PUT', key: /[/]holds[/]/ })),
  ...storing.flatMap((stage) => at(stage)),
  ...around('executor', 'storing the manifest', inStorage({ method: 'PUT', key: /manifest[.]json$/ }), {
    representative: 'after',
  }),
  ...around('executor', 'looking for the swept marker', inStorage({ method: 'HEAD', key: /[/]swept$/ })),
  ...around('executor', 'letting the hold go', inStorage({ method: 'DELETE', key: /[/]holds[/]/ })),
  ...ending('backup.completed'),
];

type Strategy = 'new' | 'replacing';

interface KindKill extends KillCase {
  /** It is the run's last attempt that is killed, so the run fails. */
  readonly isLast?: true;
}

const stagesOf = ({ writing }: KilledKind, strategy: Strategy): Stage[] =>
  writing.filter(({ only = strategy }) => only === strategy);

const ofRestore = (kind: KilledKind, strategy: Strategy): KindKill[] => {
  const of = (stage: Stage): KillCase[] => at(stage, stage.represents === strategy ? { representative: 'before' } : {});
  const stages = stagesOf(kind, strategy);
  const manifest = inStorage({ method: 'PUT', key: /manifest[.]json$/ });
  return [
    ...taking('restore[.]requested'),
    ...around('executor', 'committing what to restore', commitOf('catalog', /INSERT INTO holdfast[.]restores/)),
    ...around('executor', 'placing the hold', inStorage({ method: 'PUT', key: /[/]holds[/]restore-/ })),
    ...(strategy === 'replacing' ? around('executor', 'storing the manifest of the safety backup', manifest) : []),
    ...stages.flatMap(of),
    ...around('executor', 'letting the hold go', inStorage({ method: 'DELETE', key: /[/]holds[/]restore-/ })),
    ...ending('restore.completed'),
    ...stages
      .filter(({ isLast }) => isLast)
      .flatMap(of)
      .map((kill) => ({ ...kill, step: `${kill.step}, with no attempt left`, isLast: true as const })),
  ];
};

describe.each(representative(datasetKinds))('whose app is killed while it works for $name', (kind) => {
  let running: RunningKind;
  let cluster: Cluster;
  let place: string;
  beforeAll(async () => {
    running = await kind.start();
    cluster = await Cluster.start(running.plan);
    await doWork(cluster, backupOf(running));
    place = running.newDestination();
    await doWork(cluster, newFrom(running, place));
  }, 180_000);
  afterAll(async () => {
    await cluster?.close();
    await running?.close();
  }, 120_000);

  it.each(chosenOf(ofBackup(kind)))(
    'backup: $app $step',
    (kill) => meetKill(cluster, named(kind, backupOf(running)), kill),
    120_000,
  );

  it.each(chosenOf(ofRestore(kind, 'new')))(
    'restore (new): $app $step',
    (kill) =>
      kill.isLast
        ? meetLastKill(cluster, named(kind, failingNewFrom(running)), kill)
        : meetKill(cluster, named(kind, newFrom(running)), kill),
    180_000,
  );

  const { replacing, replacesAtOnce } = kind;
  if (replacing === undefined) return;
  it.each(chosenOf(ofRestore(kind, 'replacing')))(
    `restore (${replacing}): $app $step`,
    (kill) => {
      const replacement = replacingIn(running, place, replacing);
      const work = named(kind, replacement);
      if (kill.isLast) return meetLastKill(cluster, { ...work, findBroken: replacement.findHalf }, kill);
      return meetKill(cluster, work, replacesAtOnce ? { ...kill, meanwhile: replacement.findHalf } : kill);
    },
    180_000,
  );
});

/** As the table of faults tells it apart from the same work for another kind. */
const named = ({ name }: KilledKind, work: Work): Work => ({ ...work, name: `${name}: ${work.name}` });
