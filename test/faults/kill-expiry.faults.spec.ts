import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { sweep } from './support/dead-attempt.js';
import { expiry, marking, shortLived } from './support/expiry.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { around, commitOf, inStorage, type Place } from './support/places.js';
import { chosenOf } from './support/report.js';
import { findBrokenBackups } from './support/stored-backups.js';
import type { Work } from './support/works.js';

const writing = (key: RegExp) => inStorage({ method: 'PUT', key });
const removing = (key: RegExp) => inStorage({ method: 'DELETE', key });
/** Whatever the catalog names at the moment of the kill is whole. */
const at = (work: Work, doing: string, place: Place, representative?: 'before') =>
  around('scheduler', doing, place, {
    ...{ takeover: 'restart', meanwhile: findBrokenBackups },
    ...(representative === undefined ? {} : { representative }),
  }).map((kill): KillCase & { readonly work: Work } => ({ ...kill, work }));

/** In the order of the steps (docs/design/ordering.md, D3 and 15). */
const cases = [
  ...at(marking, 'writing the mark', writing(/expiring[.]json$/)),
  ...at(expiry, 'committing the row with its event', commitOf('catalog', /backup[.]expired/), 'before'),
  ...at(expiry, 'marking the attempt as swept', writing(/[/]swept$/)),
  ...at(expiry, 'removing the manifest', removing(/manifest[.]json$/)),
  ...at(expiry, 'removing the first object', removing(/[.]zst$/)),
  ...at(expiry, 'removing the swept marker', removing(/[/]swept$/)),
  ...at(expiry, 'removing the mark', removing(/expiring[.]json$/)),
  ...at(sweep, 'marking the dead attempt as swept', writing(/a1-dead[/]swept$/)),
  ...at(sweep, 'removing its first object', removing(/a1-dead[/]database/)),
  ...at(sweep, 'removing its last object', removing(/a1-dead[/]globals/)),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config: shortLived });
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('an expiry whose scheduler is killed', () => {
  it.each(chosenOf(cases))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 180_000);
});
