import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readObject } from '../support/secret-hunt.js';
import { Cluster } from './support/cluster.js';
import { type KillCase, meetKill } from './support/kill-case.js';
import {
  around,
  claiming,
  commitOf,
  committingOffset,
  inStorage,
  onBus,
  publishing,
  settling,
  statement,
  takingRequest,
} from './support/places.js';
import { chosenOf } from './support/report.js';
import { PREFIX } from './support/stored-backups.js';
import { backupOf, findUnrestorable, type Work } from './support/works.js';

const [shop, bulk] = [backupOf('shop'), backupOf('bulk')];
/** Into a place to which nothing was ever written: it says which repository it is only from then on. */
const firstOfAll: Work = {
  ...shop,
  name: 'backup (the first of all)',
  prepare: async ({ storage }) => {
    await storage.client.send(new DeleteObjectCommand({ Bucket: storage.bucket, Key: `${PREFIX}repository.json` }));
  },
  findBroken: async (cluster) => {
    const identity = await readObject(cluster, `${PREFIX}repository.json`).then(String, () => '');
    return identity.includes('"formatVersion": 1') ? [] : [`the repository says of itself "${identity}"`];
  },
};
const hold = (method: string) => inStorage({ method, key: /[/]holds[/]/ });
const dump = (method: string, query?: RegExp) =>
  inStorage({ method, key: /database[.]dump[.]zst$/, ...(query === undefined ? {} : { query }) });
const fact = publishing('backup.completed');

/** In the order of the steps (docs/design/ordering.md). */
const cases: readonly KillCase[] = [
  ...around('executor', 'committing the request and its run', takingRequest, {
    takeover: 'restart',
  }),
  ...around('executor', 'committing the offset of the request', committingOffset('backup[.]requested'), {
    takeover: 'restart',
  }),
  ...around('executor', 'committing the claim', claiming),
  ...around('executor', 'reserving the id of the backup', commitOf('catalog', /INSERT INTO holdfast[.]backups/)),
  ...around('executor', 'placing the hold', hold('PUT')),
  ...around('executor', 'locking the tables', statement('source', { statement: /^LOCK TABLE ONLY/ })),
  ...around(
    'executor',
    'reading the position on the bus',
    onBus(({ id }) => ({
      ...{ api: 'OffsetFetch', containing: new RegExp(`${id}[.]projector`) },
    })),
  ),
  ...around('executor', 'taking the snapshot', statement('source', { statement: /pg_export_snapshot/ })),
  ...around('executor', 'reading the first rows', statement('source', { statement: /^COPY .* TO stdout/i })),
  ...around('executor', 'storing the dump', dump('PUT')),
  ...around('executor', 'storing the globals', inStorage({ method: 'PUT', key: /globals[.]sql[.]zst$/ })),
  ...around('executor', 'storing the manifest', inStorage({ method: 'PUT', key: /manifest[.]json$/ }), {
    representative: 'after',
  }),
  ...around('executor', 'looking for the swept marker', inStorage({ method: 'HEAD', key: /[/]swept$/ })),
  ...around('executor', 'letting the hold go', hold('DELETE')),
  ...around('executor', 'committing the run with its event', settling('backup.completed'), { takeover: 'restart' }),
  ...around('scheduler', 'publishing the fact', fact.publishing),
  ...around('scheduler', 'marking the fact as published', fact.marking),
];

const inParts: readonly KillCase[] = [
  ...around('executor', 'beginning the upload', dump('POST', /uploads/)),
  ...around('executor', 'storing the first part', dump('PUT', /partNumber=1(&|$)/)),
  ...around('executor', 'completing the upload', dump('POST', /uploadId/)),
];

const first = around(
  'executor',
  'saying which repository it is',
  inStorage({ method: 'PUT', key: /repository[.]json$/ }),
);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], hasBulk: true });
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

const all = [
  ...cases.map((kill) => ({ ...kill, work: shop })),
  ...inParts.map((kill) => ({ ...kill, work: bulk })),
  ...first.map((kill) => ({ ...kill, work: firstOfAll })),
];

describe('whose app is killed', () => {
  it.each(chosenOf(all))('$work.name: $app $step', ({ work, ...kill }) => meetKill(cluster, work, kill), 120_000);

  it('leaves backups of which every sample restores', async () => {
    expect(await findUnrestorable(cluster)).toEqual([]);
  }, 120_000);
});
