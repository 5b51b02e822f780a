import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { ORDERS, SEEN_ORDERS } from './support/estate.js';
import type { BusMatch } from './support/kafka-gate.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import {
  around,
  claiming,
  commitOf,
  committingOffset,
  following,
  onBus,
  settling,
  takingRequest,
} from './support/places.js';
import { readOn, replayRepublish, replayReset } from './support/replays.js';
import { chosenOf } from './support/report.js';
import { backupOf, doWork } from './support/works.js';

const api = (name: BusMatch['api'], containing?: (id: string) => RegExp) =>
  onBus(({ id }) => ({ api: name, ...(containing === undefined ? {} : { containing: containing(id) }) }));
const always = async (): Promise<boolean> => true;
const journal = () => /holdfast-replay-/;
const copies = api('Produce', (id) => new RegExp(`${id}[.]copies`));
const freezing = commitOf('catalog', /INSERT INTO holdfast[.]replays/);
const frozen = api('OffsetCommit', journal);
const moving = api('OffsetCommit', (id) => new RegExp(`${id}[.]projector`));
const moved = following(moving.before, frozen, always);
const committed = following(copies.before, api('EndTxn'), always);

/** In the order of the steps (docs/design/ordering.md). */
const reset: readonly KillCase[] = [
  ...around('verifier', 'committing the request and its run', takingRequest, { takeover: 'restart' }),
  ...around('verifier', 'committing the offset of the request', committingOffset('replay[.]requested'), {
    takeover: 'restart',
  }),
  ...around('verifier', 'committing the claim', claiming),
  ...around('verifier', 'committing the frozen range', freezing),
  ...around('verifier', 'writing the range to the journal', frozen),
  ...around('verifier', 'moving the group back', moving),
  ...around('verifier', 'writing to the journal that it was moved', moved),
  {
    ...{ app: 'verifier', step: 'after writing to the journal that it was moved, and the consumer reads on' },
    ...{ arm: moved.after, meanwhile: (cluster) => readOn(cluster, SEEN_ORDERS + 50), representative: true },
  },
  ...around('verifier', 'committing the run with its event', settling('replay.completed'), { takeover: 'restart' }),
];

const republish: readonly KillCase[] = [
  ...around('verifier', 'committing the claim', claiming),
  ...around('verifier', 'committing the frozen range', freezing),
  ...around('verifier', 'opening the producer', api('InitProducerId')),
  ...around('verifier', 'writing the range to the journal', api('TxnOffsetCommit', journal)),
  ...around('verifier', 'committing the range to the journal', api('EndTxn')),
  ...around('verifier', 'writing copies', copies),
  ...around('verifier', 'writing the cursor', following(copies.before, api('TxnOffsetCommit'), always)),
  ...around('verifier', 'committing copies and cursor', committed),
  {
    ...{ app: 'verifier', step: 'after committing copies and cursor, and the consumer reads the copies' },
    ...{ arm: committed.after, meanwhile: (cluster) => readOn(cluster, ORDERS), representative: true },
  },
  ...around('verifier', 'writing copies again', following(copies.before, copies, always)),
  ...around('verifier', 'committing the run with its event', settling('replay.completed'), { takeover: 'restart' }),
];

const all = [
  ...reset.map((kill) => ({ ...kill, work: replayReset })),
  ...republish.map((kill) => ({ ...kill, work: replayRepublish })),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  await doWork(cluster, backupOf('shop'));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

describe('whose app is killed', () => {
  it.each(chosenOf(all))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 120_000);
});
