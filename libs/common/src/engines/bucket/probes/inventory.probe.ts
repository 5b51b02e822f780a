import { z } from 'zod';
import { type BucketClient, withBucket } from '#common/engines/bucket/bucket-client.js';
import { type BucketPlace, placeOf, toPlaceName } from '#common/engines/bucket/bucket-place.js';
import type { BucketEntry } from '#common/engines/bucket/entry.js';
import { type Compared, comparePlace } from '#common/engines/bucket/restore/compare.js';
import { isServedAlike } from '#common/engines/bucket/restore/served.js';
import { digestOf, hasContent } from '#common/engines/bucket/restore/write-objects.js';
import { inFlight } from '#common/pipeline/in-flight.js';
import { conclude, countOf, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import { defineBucketProbe } from './bucket-probe.js';

const InventoryParams = z.strictObject({
  digests: z
    .enum(['none', 'sampled', 'full'])
    .default('sampled')
    .describe('Of which objects the content and how it is served are read and compared'),
  samples: z.int().min(1).max(1_000_000).default(200).describe('How many objects `sampled` reads, spread over all'),
  extra: z.enum(['fail', 'allow']).default('fail').describe('allow: objects that the backup lacks are no problem'),
});
type InventoryParams = z.output<typeof InventoryParams>;

const IN_FLIGHT = 16;

/** The bucket holds the objects of the backup, and no others. */
export const inventoryProbe = defineBucketProbe({
  name: 'inventory',
  summary: 'Keys and sizes of all objects against the inventory of the backup; contents of a sample, or of all',
  timeoutMs: 3_600_000,
  params: InventoryParams,
  check: ({ target, destination, manifest, inventory, signal }, params) => {
    const place = placeOf(target.place, destination);
    return withBucket(place, async (client) => {
      const looking = new Looking(client, place, { ...params, objects: manifest.snapshot.objects, signal });
      await inFlight(comparePlace(client, inventory(signal), { place, signal }), IN_FLIGHT, (each) => looking.at(each));
      return looking.conclude();
    });
  },
});

class Looking {
  private readonly problems = new EvidenceLog();
  private readonly counts = { listed: 0, read: 0, seen: 0 };
  private readonly every: number;

  constructor(
    private readonly client: BucketClient,
    private readonly place: BucketPlace,
    private readonly o: InventoryParams & { readonly objects: number; readonly signal: AbortSignal },
  ) {
    const wanted = o.digests === 'full' ? o.objects : o.digests === 'sampled' ? o.samples : 0;
    this.every = wanted === 0 ? 0 : Math.max(1, Math.ceil(o.objects / wanted));
  }

  async at({ left, right, likeness }: Compared): Promise<void> {
    if (right !== undefined) this.counts.listed += 1;
    const subject = JSON.stringify((left ?? right)?.key ?? '');
    if (left === undefined) {
      if (this.o.extra === 'fail') this.problems.add({ subject, problem: 'is not in the backup' });
      return;
    }
    this.counts.seen += 1;
    const [{ size: expected }, isSampled] = [left, this.every > 0 && this.counts.seen % this.every === 0];
    if (right === undefined) this.problems.add({ subject, problem: 'is missing' });
    else if (right.size !== expected)
      this.problems.add({ subject, expected, actual: right.size, problem: 'has another size' });
    else if (isSampled) await this.read(left, subject);
    else if (likeness === 'different') this.problems.add({ subject, problem: 'has another content' });
  }

  conclude(): ProbeFinding {
    const { listed, read } = this.counts;
    const looked = `${toPlaceName(this.place)}: ${countOf(listed, 'object')}, ${read} of them read`;
    if (listed + this.o.objects === 0) return nothingToCompare(`${looked}; there is nothing to compare`);
    const facts = [{ subject: 'objects', expected: this.o.objects, actual: listed }];
    return conclude({ looked, problems: this.problems, facts });
  }

  private async read(entry: BucketEntry, subject: string): Promise<void> {
    const { signal } = this.o;
    const key = this.place.prefix + entry.key;
    this.counts.read += 1;
    if (digestOf(entry) !== undefined && !(await hasContent(this.client, key, { entry, signal })))
      return this.problems.add({ subject, problem: 'has another content' });
    // How objects of a replica are served, only the replica knows.
    if (entry.content === undefined) return;
    const found = await this.client.head(key, signal);
    if (found === undefined || !isServedAlike(entry, found))
      this.problems.add({ subject, problem: 'is served with other headers or metadata' });
    const tags = found === undefined || found.tagCount === 0 ? {} : await this.client.tags(key, undefined, signal);
    const [expected, actual] = [entry.tags ?? {}, tags].map((each) => JSON.stringify(Object.entries(each).sort()));
    if (expected !== actual)
      this.problems.add({ subject, expected: expected ?? '', actual: actual ?? '', problem: 'has other tags' });
  }
}
