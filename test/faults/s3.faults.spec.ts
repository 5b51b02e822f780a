import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { AppName } from '#tools/platform/app-process.js';
import { ask } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { type FaultCase, meetFault } from './support/fault-case.js';
import { chosenOf } from './support/report.js';
import type { S3Fault, S3Match } from './support/s3-gate.js';
import {
  backupOf,
  doWork,
  placeOf,
  prepareRestored,
  proofOf,
  restoreInPlace,
  verification,
  type Work,
} from './support/works.js';

const bulk = backupOf('bulk');
const shop = backupOf('shop');
const part: S3Match = { method: 'PUT', key: /dump[.]zst$/, query: /partNumber=/ };
const secondPart: S3Match = { method: 'PUT', key: /dump[.]zst$/, query: /partNumber=2(&|$)/ };
const completion: S3Match = { method: 'POST', key: /dump[.]zst$/, query: /uploadId=/ };
const manifest: S3Match = { method: 'PUT', key: /manifest[.]json$/ };
const archive: S3Match = { method: 'GET', key: /dump[.]zst$/ };
const verdict: S3Match = { method: 'PUT', key: /[/]verdicts[/]/ };
/** Of a restore in place nothing else is stored. */
const safety: S3Match = { method: 'PUT', key: /dump[.]zst$/ };
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
    return ask(cluster, 'restore.requested', { dataset: 'bulk', target: 'staging', destination: database });
  },
};

/** The app's next such requests meet it. */
const meets = (match: S3Match, fault: S3Fault, times = 1, app: AppName = 'executor'): Pick<FaultCase, 'begin'> => ({
  begin: (cluster) => cluster.replicaOf(app).gates.storage.answer(match, fault, times),
});

const verifierMeets = (match: S3Match, fault: S3Fault, times = 1) => meets(match, fault, times, 'verifier');

/** The storage does it, and never answers. */
const isNeverAnswered = (match: S3Match): Pick<FaultCase, 'begin'> => ({
  begin: (cluster) => ({ reached: cluster.replicaOf('executor').gates.storage.holdAfter(match).reached }),
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
  { fault: 'S3 stalls', step: 'backup: CompleteMultipartUpload', work: bulk, ...meets(completion, 'stall') },
  {
    fault: 'S3 does it and never answers',
    step: 'backup: CompleteMultipartUpload',
    work: bulk,
    ...isNeverAnswered(completion),
  },
  { fault: 'S3 does it and never answers', step: 'backup: the manifest', work: shop, ...isNeverAnswered(manifest) },
  {
    fault: 'S3 answers 500',
    step: 'restore (in place): the safety dump',
    work: restoreInPlace,
    ...meets(safety, 'error-500', 3),
  },
  {
    fault: 'S3 answers 500',
    step: 'restore (in place): the safety dump, for a whole attempt',
    work: restoreInPlace,
    ...meets(safety, 'error-500', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 stalls',
    step: 'restore (in place): the safety dump',
    work: restoreInPlace,
    ...meets(safety, 'stall'),
  },
  {
    fault: 'S3 does it, the answer is lost',
    step: 'restore (in place): the manifest of the safety dump',
    work: restoreInPlace,
    ...meets(manifest, 'lose-answer'),
  },
  {
    fault: 'S3 does it and answers 500',
    step: 'restore (in place): the manifest of the safety dump, every time',
    work: restoreInPlace,
    ...meets(manifest, 'spoil-answer', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 answers 500',
    step: 'verification: the archive',
    work: verification,
    ...verifierMeets(archive, 'error-500', 3),
  },
  {
    fault: 'S3 answers 500',
    step: 'verification: the archive, for a whole attempt',
    work: verification,
    ...verifierMeets(archive, 'error-500', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 resets in the middle',
    step: 'verification: the archive',
    work: verification,
    ...verifierMeets(archive, 'cut-download', 3),
  },
  { fault: 'S3 stalls', step: 'verification: the archive', work: verification, ...verifierMeets(archive, 'stall') },
  {
    fault: 'S3 answers 500',
    step: 'verification: the verdict',
    work: verification,
    ...verifierMeets(verdict, 'error-500', 3),
  },
  {
    fault: 'S3 answers 500',
    step: 'verification: the verdict, every time',
    work: verification,
    ...verifierMeets(verdict, 'error-500', MORE_THAN_TRIES),
  },
  {
    fault: 'S3 does it, the answer is lost',
    step: 'verification: the verdict',
    work: verification,
    ...verifierMeets(verdict, 'lose-answer'),
  },
  { fault: 'S3 stalls', step: 'verification: the verdict', work: verification, ...verifierMeets(verdict, 'stall') },
  ...[
    { work: bulk, at: part },
    { work: restore, at: archive },
  ].map(
    ({ work, at }): FaultCase => ({
      ...{ fault: 'S3 is away', step: `${work.name}: from the dump on`, work, ...aBackup },
      begin: (cluster) => {
        const { storage } = cluster.replicaOf('executor').gates;
        const met = storage.answer(at, 'reset', Number.POSITIVE_INFINITY);
        const away = everything.map((match) => storage.answer(match, 'reset', 0));
        void met.reached.then(() =>
          away.push(...everything.map((match) => storage.answer(match, 'reset', Number.POSITIVE_INFINITY))),
        );
        return {
          reached: met.reached,
          end: () => {
            for (const one of [met, ...away]) one.end();
          },
        };
      },
      // Longer than one attempt's patience with storage: the run must outlive it.
      meanwhile: () => new Promise((resolve) => setTimeout(resolve, 8_000)),
    }),
  ),
];

const chosen = chosenOf(cases);
let cluster: Cluster;
beforeAll(async () => {
  const isVerified = chosen.some(({ work }) => work === verification);
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], hasBulk: true });
  if (isVerified) await cluster.startApp('verifier');
  if (chosen.some(({ work }) => work === restoreInPlace)) await prepareRestored(cluster, placeOf(cluster));
  if (isVerified) await prepareRestored(cluster, proofOf(cluster));
}, 120_000);
afterAll(() => cluster?.close());

describe('work while the storage misbehaves', () => {
  it.each(chosen)('$fault: $step', (one) => meetFault(cluster, one), 240_000);
});
