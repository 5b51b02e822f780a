import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { ask } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { chosenOf } from './support/report.js';
import type { S3Fault, S3Match } from './support/s3-gate.js';
import { backupOf, doWork, type Work } from './support/works.js';

const bulk = backupOf('bulk');
const shop = backupOf('shop');
const part: S3Match = { method: 'PUT', key: /dump[.]zst$/, query: /partNumber=/ };
const secondPart: S3Match = { method: 'PUT', key: /dump[.]zst$/, query: /partNumber=2(&|$)/ };
const completion: S3Match = { method: 'POST', key: /dump[.]zst$/, query: /uploadId=/ };
const manifest: S3Match = { method: 'PUT', key: /manifest[.]json$/ };
const archive: S3Match = { method: 'GET', key: /dump[.]zst$/ };
const everything = ['GET', 'PUT', 'POST', 'HEAD', 'DELETE'].map((method) => ({ method, key: /.*/ }));

/** More often than a request is tried: the attempt fails, and another one must find what was made. */
const MORE_THAN_TRIES = 11;

let databases = 0;
const restore: Work = {
  name: 'restore',
  family: 'restore',
  ask: (cluster) => {
    databases += 1;
    const database = `${cluster.id}_s3_${databases}`;
    return ask(cluster, 'restore.requested', { dataset: 'bulk', target: 'staging', database });
  },
};

/** The executor's next such requests meet it. */
const meets = (match: S3Match, fault: S3Fault, times = 1): Pick<FaultCase, 'begin'> => ({
  begin: (cluster) => cluster.replicaOf('executor').gates.store.answer(match, fault, times),
});

const aBackup = { before: (cluster: Cluster) => doWork(cluster, bulk) };

const cases: readonly FaultCase[] = [
  { fault: 'S3 answers 500', step: 'backup: parts', work: bulk, ...meets(part, 'error-500', 3), representative: true },
  { fault: 'S3 answers 503 SlowDown', step: 'backup: parts', work: bulk, ...meets(part, 'slow-down', 3) },
  { fault: 'S3 resets connections', step: 'backup: parts', work: bulk, ...meets(part, 'reset', 3) },
  { fault: 'S3 resets in the middle', step: 'backup: a part', work: bulk, ...meets(secondPart, 'cut-upload', 2) },
  { fault: 'S3 stalls', step: 'backup: a part', work: bulk, ...meets(secondPart, 'stall') },
  {
    fault: 'S3 answers 500',
    step: 'backup: parts, for a whole attempt',
    work: bulk,
    ...meets(secondPart, 'error-500', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 does it and answers 500',
    step: 'backup: CompleteMultipartUpload',
    work: bulk,
    ...meets(completion, 'spoil-answer'),
    representative: true,
  },
  {
    fault: 'S3 does it, the answer is lost',
    step: 'backup: CompleteMultipartUpload',
    work: bulk,
    ...meets(completion, 'lose-answer'),
  },
  {
    fault: 'S3 does it and answers 500',
    step: 'backup: CompleteMultipartUpload, every time',
    work: bulk,
    ...meets(completion, 'spoil-answer', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 does it, the answer is lost',
    step: 'backup: the manifest',
    work: shop,
    ...meets(manifest, 'lose-answer'),
    representative: true,
  },
  { fault: 'S3 does it and answers 500', step: 'backup: the manifest', work: shop, ...meets(manifest, 'spoil-answer') },
  {
    fault: 'S3 does it, the answer is lost',
    step: 'backup: the manifest, every time',
    work: shop,
    ...meets(manifest, 'lose-answer', MORE_THAN_TRIES),
  },
  { fault: 'S3 stalls', step: 'backup: the manifest', work: shop, ...meets(manifest, 'stall') },
  {
    fault: 'S3 answers 500',
    step: 'restore: the archive',
    work: restore,
    ...aBackup,
    ...meets(archive, 'error-500', 3),
  },
  {
    fault: 'S3 resets in the middle',
    step: 'restore: the archive',
    work: restore,
    ...aBackup,
    ...meets(archive, 'cut-download', 3),
  },
  { fault: 'S3 stalls', step: 'restore: the archive', work: restore, ...aBackup, ...meets(archive, 'stall') },
  ...[
    { work: bulk, at: part },
    { work: restore, at: archive },
  ].map(
    ({ work, at }): FaultCase => ({
      ...{ fault: 'S3 is away', step: `${work.name}: from the dump on`, work, ...aBackup },
      begin: (cluster) => {
        const { store } = cluster.replicaOf('executor').gates;
        const met = store.answer(at, 'reset', Number.POSITIVE_INFINITY);
        const away = everything.map((match) => store.answer(match, 'reset', 0));
        void met.reached.then(() =>
          away.push(...everything.map((match) => store.answer(match, 'reset', Number.POSITIVE_INFINITY))),
        );
        return {
          reached: met.reached,
          end: () => {
            for (const one of [met, ...away]) one.end();
          },
        };
      },
      // Longer than one attempt's patience with a store: the run must outlive it.
      meanwhile: () => new Promise((resolve) => setTimeout(resolve, 8_000)),
    }),
  ),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], hasBulk: true });
});
afterAll(() => cluster?.close());

describe('work while the store misbehaves', () => {
  it.each(chosenOf(cases))('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
