import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { onServer } from '#tools/platform/server-login.js';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import {
  around,
  claiming,
  commitOf,
  committingOffset,
  inStorage,
  settling,
  statement,
  takingRequest,
} from './support/places.js';
import { chosenOf } from './support/report.js';
import { restoreWithRole, roomy } from './support/role-restore.js';
import { findTouched, placeOf, prepareRestored, restoreInPlace, restoreNew } from './support/works.js';

const target = (pattern: RegExp) => statement('target', { statement: pattern });
const safety = (name: string) => inStorage({ method: 'PUT', key: new RegExp(`${name}$`) });

/** The rows of the first one are there by then. */
const SECOND_TABLE = /^COPY public[.]tenants .* FROM stdin/i;

/** In the order of the steps (docs/design/ordering.md). */
const asNew: readonly KillCase[] = [
  ...around('executor', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('executor', 'committing the offset of the request', committingOffset('restore[.]requested'), {
    takeover: 'restart',
  }),
  ...around('executor', 'committing the claim', claiming),
  ...around('executor', 'committing what to restore', commitOf('catalog', /INSERT INTO holdfast[.]restores/)),
  ...around('executor', 'placing the hold', inStorage({ method: 'PUT', key: /[/]holds[/]restore-/ })),
  ...around('executor', 'locking the database', target(/pg_try_advisory_lock/)),
  ...around('executor', 'fetching the dump', inStorage({ method: 'GET', key: /database[.]dump[.]zst$/ })),
  ...around('executor', 'creating the scratch database', target(/^CREATE DATABASE/)),
  ...around('executor', 'copying rows', target(/^COPY .* FROM stdin/i)),
  ...around('executor', 'copying rows of the second table', target(SECOND_TABLE), { representative: 'before' }),
  ...around('executor', 'gathering statistics', target(/^ANALYZE/)),
  ...around('executor', 'giving the database its settings', target(/^ALTER DATABASE .* SET/)),
  ...around('executor', 'marking the scratch database', target(/^COMMENT ON DATABASE/)),
  ...around('executor', 'giving the database its name', target(/^ALTER DATABASE .* RENAME/)),
  ...around('executor', 'letting the hold go', inStorage({ method: 'DELETE', key: /[/]holds[/]restore-/ })),
  ...around('executor', 'committing the run with its event', settling('restore.completed'), { takeover: 'restart' }),
];

const inPlace: readonly KillCase[] = [
  ...around('executor', 'reserving the id of the safety dump', commitOf('catalog', /INSERT INTO holdfast[.]backups/)),
  ...around('executor', 'storing the safety dump', safety('database[.]dump[.]zst')),
  ...around('executor', 'storing the manifest of the safety dump', safety('manifest[.]json')),
  ...around('executor', 'recording the safety dump', commitOf('catalog', /INSERT INTO holdfast[.]backup_copies/)),
  ...around('executor', 'checking the fence', target(/^DO \$fence\$/)),
  ...around('executor', 'dropping the first table', target(/^DROP TABLE/i)),
  ...around('executor', 'copying rows', target(/^COPY .* FROM stdin/i)),
  ...around('executor', 'copying rows of the second table', target(SECOND_TABLE)),
  // Its children live on, and may not commit under a claim that no executor holds any more.
  ...around('executor', 'committing the restored database', commitOf('target', /^COPY .* FROM stdin/i), {
    ...{ representative: 'before', meanwhile: findTouched },
  }),
  ...around('executor', 'committing the run with its event', settling('restore.completed'), { takeover: 'restart' }),
];

const withRole: readonly KillCase[] = [
  ...around('executor', 'creating the role', target(/^CREATE ROLE/)),
  ...around('executor', 'committing the role', commitOf('target', /^CREATE ROLE/)),
  ...around('executor', 'giving the database its name', target(/^ALTER DATABASE .* RENAME/)),
];

const all = [
  ...asNew.map((kill) => ({ ...kill, work: restoreNew })),
  ...inPlace.map((kill) => ({ ...kill, work: restoreInPlace })),
  ...withRole.map((kill) => ({ ...kill, work: restoreWithRole })),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config: { targets: { roomy } } });
  await onServer('postgres18', cluster.estate.shop, `ALTER DATABASE ${cluster.estate.shop} SET work_mem = '5MB'`);
  await prepareRestored(cluster, placeOf(cluster));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('whose app is killed', () => {
  it.each(chosenOf(all))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 120_000);
});
