import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { toUuidV5 } from '#common/domain/ids.js';
import { aRequest } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import { around, commitOf, publishing } from './support/places.js';
import { chosenOf } from './support/report.js';
import type { Work } from './support/works.js';

/** Due once a year: a slot is there when the spec says so, and only then. Each is used once, for a slot makes one run for ever. */
const schedules = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => [`yearly-${n}`, { dataset: 'shop', cron: '0 0 1 1 *', missed: 'run-once' }]),
);
let used = 0;

const scheduled: Work = {
  name: 'scheduled backup',
  family: 'backup',
  ask: async (cluster) => {
    const schedule = `yearly-${used}`;
    used += 1;
    // No scheduler has looked after it since the last day of the year before.
    await cluster.catalog(
      `INSERT INTO holdfast.schedules (name, done_until)
       VALUES ('${schedule}', date_trunc('year', now(), 'UTC') - interval '1 day')
       ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until`,
    );
    const slotAt = `${new Date().getUTCFullYear()}-01-01T00:00:00.000Z`;
    const id = toUuidV5('slot', schedule, slotAt);
    return aRequest('backup.requested', {}, { id, source: `holdfast://${cluster.id.replace('_', '-')}` });
  },
};

const request = publishing('backup.requested');

/** In the order of the steps. */
const cases: readonly KillCase[] = [
  ...around('scheduler', 'committing slot and request', commitOf('catalog', /INTO holdfast[.]outbox[\s\S]*requested/)),
  ...around('scheduler', 'publishing the request', request.publishing, { representative: 'after' }),
  ...around('scheduler', 'marking it as published', request.marking),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config: { schedules } });
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('a slot whose scheduler is killed', () => {
  it.each(chosenOf(cases))('$app $step', (kill) => meetKill(cluster, scheduled, kill), 120_000);
});
