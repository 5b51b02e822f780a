import { type BucketClient, withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketTarget } from '#common/engines/bucket/bucket-dataset.js';
import { type BucketPlace, CONTROL_PREFIX, toPlaceText } from '#common/engines/bucket/bucket-place.js';
import { listBucket } from '#common/engines/bucket/listing.js';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { mirrorChecks } from './mirror-checks.js';

/** Could the bucket be backed up tonight? */
export function datasetChecks(dataset: BucketDataset, signal: AbortSignal): Check[] {
  const { name, place, tags } = dataset;
  const listed = `dataset ${name}: listing`;
  return [
    { name: listed, run: () => withBucket(place, (client) => describeListing(client, place, signal)) },
    {
      name: `dataset ${name}: right to read objects`,
      needs: [listed],
      run: () => withBucket(place, (client) => readFirst(client, { place, tags, signal })),
    },
    {
      name: `dataset ${name}: versions`,
      needs: [listed],
      run: () => withBucket(place, (client) => describeVersions(client, signal)),
    },
    ...mirrorChecks(dataset, signal),
  ];
}

/** Could a restore go to this target tonight? */
export function targetChecks({ name, place }: BucketTarget, signal: AbortSignal): Check[] {
  const listed = `target ${name}: listing`;
  return [
    { name: listed, run: () => withBucket(place, (client) => describeListing(client, place, signal)) },
    {
      name: `target ${name}: conditional writes`,
      needs: [listed],
      run: () =>
        withBucket(place, async (client) => {
          if (await client.hasConditionalPut(signal)) return `written below ${CONTROL_PREFIX}, and removed`;
          throw new CheckWarning(
            'the server knows no conditional writes: two restores that begin in the same second may both go ahead; ask for one at a time',
          );
        }),
    },
  ];
}

const MEASURED_OBJECTS = 100_000;

/** The whole of a small bucket; of a large one what its first objects take, and so less than there is. */
export async function measureBucket({ place }: BucketDataset, signal: AbortSignal): Promise<number> {
  return withBucket(place, async (client) => {
    let [bytes, objects] = [0, 0];
    for await (const { size } of listBucket(client, { prefix: place.prefix, withVersions: false, signal })) {
      bytes += size;
      objects += 1;
      if (objects === MEASURED_OBJECTS) break;
    }
    return bytes;
  });
}

async function findFirst(client: BucketClient, { prefix }: BucketPlace, signal: AbortSignal) {
  const { value } = await listBucket(client, { prefix, withVersions: false, pageSize: 1, signal }).next();
  return value ?? undefined;
}

async function describeListing(client: BucketClient, place: BucketPlace, signal: AbortSignal): Promise<string> {
  const first = await findFirst(client, place, signal);
  return first === undefined ? `${toPlaceText(place)} is empty` : `${toPlaceText(place)} holds objects`;
}

async function readFirst(
  client: BucketClient,
  { place, tags, signal }: Pick<BucketDataset, 'place' | 'tags'> & { readonly signal: AbortSignal },
): Promise<string> {
  const first = await findFirst(client, place, signal);
  if (first === undefined) return 'nothing to be read';
  const { body } = await client.get(first.key, {}, signal);
  body.destroy();
  if (tags !== 'none') await client.tags(first.key, undefined, signal);
  return `read ${JSON.stringify(first.key)}${tags === 'none' ? '' : ' and its tags'}`;
}

async function describeVersions(client: BucketClient, signal: AbortSignal): Promise<string> {
  const answer = await client.hasVersioning(signal);
  if (answer === null)
    throw new CheckWarning('these keys may not ask whether the bucket keeps versions: grant s3:GetBucketVersioning');
  return answer ? 'the bucket keeps versions: each object is read by its own' : 'the bucket keeps no versions';
}
