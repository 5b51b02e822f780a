import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { around, claiming, commitOf, inStore, settling, statement, takingRequest } from './support/places.js';
import { chosenOf } from './support/report.js';
import { placeOf, prepareRestored, restoreInPlace, restoreNew } from './support/works.js';

const target = (pattern: RegExp) => statement('target', { statement: pattern });
const safety = (name: string) => inStore({ method: 'PUT', key: new RegExp(`${name}$`) });

/** In the order of the steps (docs/design/ordering.md). */
const asNew: readonly KillCase[] = [
  ...around('executor', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('executor', 'committing the claim', claiming),
  ...around('executor', 'committing what to restore', commitOf('catalog', /INSERT INTO holdfast[.]restores/)),
  ...around('executor', 'locking the database', target(/pg_try_advisory_lock/)),
  ...around('executor', 'fetching the dump', inStore({ method: 'GET', key: /database[.]dump[.]zst$/ })),
  ...around('executor', 'creating the scratch database', target(/^CREATE DATABASE/)),
  ...around('executor', 'copying rows', target(/^COPY .* FROM stdin/i), { representative: 'before' }),
  ...around('executor', 'marking the scratch database', target(/^COMMENT ON DATABASE/)),
  ...around('executor', 'giving the database its name', target(/^ALTER DATABASE .* RENAME/)),
  ...around('executor', 'committing the run with its fact', settling('restore.completed'), { takeover: 'restart' }),
];

const inPlace: readonly KillCase[] = [
  ...around('executor', 'reserving the id of the safety dump', commitOf('catalog', /INSERT INTO holdfast[.]backups/)),
  ...around('executor', 'storing the safety dump', safety('database[.]dump[.]zst')),
  ...around('executor', 'storing the manifest of the safety dump', safety('manifest[.]json')),
  ...around('executor', 'recording the safety dump', commitOf('catalog', /INSERT INTO holdfast[.]backup_copies/)),
  ...around('executor', 'checking the fence', target(/^DO \$fence\$/)),
  ...around('executor', 'dropping the first table', target(/^DROP TABLE/i)),
  ...around('executor', 'copying rows', target(/^COPY .* FROM stdin/i)),
  ...around('executor', 'committing the restored database', commitOf('target', /^COPY .* FROM stdin/i), {
    representative: 'before',
  }),
  ...around('executor', 'committing the run with its fact', settling('restore.completed'), { takeover: 'restart' }),
];

const all = [
  ...asNew.map((kill) => ({ ...kill, work: restoreNew })),
  ...inPlace.map((kill) => ({ ...kill, work: restoreInPlace })),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'] });
  await prepareRestored(cluster, placeOf(cluster));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('whose app is killed', () => {
  it.each(chosenOf(all))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 120_000);
});
