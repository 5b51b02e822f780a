import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import {
  around,
  claiming,
  commitOf,
  committingOffset,
  inStorage,
  publishing,
  settling,
  statement,
  takingRequest,
} from './support/places.js';
import { chosenOf } from './support/report.js';
import { restoreVerified } from './support/verified-restore.js';
import { prepareRestored, proofOf, verification } from './support/works.js';

/** In the order of the steps (docs/design/ordering.md). */
const cases: readonly KillCase[] = [
  ...around('verifier', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('verifier', 'committing the offset of the request', committingOffset('verification[.]requested'), {
    takeover: 'restart',
  }),
  ...around('verifier', 'committing the claim', claiming),
  ...around('verifier', 'committing what to verify', commitOf('catalog', /INSERT INTO holdfast[.]verifications/)),
  ...around('verifier', 'placing the hold', inStorage({ method: 'PUT', key: /[/]holds[/]verification-/ })),
  ...around('verifier', 'reading the dump', inStorage({ method: 'GET', key: /database[.]dump[.]zst$/ })),
  ...around('verifier', 'counting rows', statement('target', { statement: /count\(\*\)/ })),
  ...around('verifier', 'storing the verdict', inStorage({ method: 'PUT', key: /[/]verdicts[/]/ }), {
    representative: 'after',
  }),
  ...around('verifier', 'letting the hold go', inStorage({ method: 'DELETE', key: /[/]holds[/]verification-/ })),
  ...around('verifier', 'committing the run with its event', settling('verification.completed'), {
    takeover: 'restart',
  }),
];

const request = publishing('verification.requested');

/** From the transaction that completes a restore to the one that takes the request for its verification. */
const asked: readonly KillCase[] = [
  ...around('executor', 'committing the restore with the request', settling('restore.completed'), {
    takeover: 'restart',
  }),
  ...around('scheduler', 'publishing the request', request.publishing),
  ...around('scheduler', 'marking it as published', request.marking),
  ...around('verifier', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('verifier', 'committing the offset of the request', committingOffset('verification[.]requested'), {
    takeover: 'restart',
  }),
];

const all = [
  ...cases.map((kill) => ({ ...kill, work: verification })),
  ...asked.map((kill) => ({ ...kill, work: restoreVerified })),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  await prepareRestored(cluster, proofOf(cluster));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('a verification whose app is killed', () => {
  it.each(chosenOf(all))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 120_000);
});
