import { createHash } from 'node:crypto';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Manifest, Manifest as ManifestSchema } from '#common/contracts/manifest.js';
import { readObject } from '../../support/secret-hunt.js';
import type { Cluster } from './cluster.js';

export const PREFIX = 'prod/';

/** Read with a plain client, past every gate and every line of Holdfast's own: key below the prefix → size. */
export async function listStorage({ storage }: Cluster): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await storage.client.send(
      new ListObjectsV2Command({ Bucket: storage.bucket, Prefix: PREFIX, ContinuationToken }),
    );
    for (const { Key = '', Size = 0 } of page.Contents ?? []) sizes.set(Key.slice(PREFIX.length), Size);
    ContinuationToken = page.NextContinuationToken;
    if (ContinuationToken === undefined) return sizes;
  }
}

const loadManifest = async (cluster: Cluster, key: string): Promise<Manifest> =>
  ManifestSchema.parse(JSON.parse((await readObject(cluster, PREFIX + key)).toString('utf8')));

type Listing = ReadonlyMap<string, number>;

const isManifest = (key: string): boolean => /[/]a\d+-[^/]+[/]manifest[.]json$/.test(key);
const toMarker = (key: string): string => `_control/backups/${key.replace(/[^/]*$/, 'swept')}`;
/** What a reader takes for a backup; a manifest beside the marker of a sweep makes none. */
const readableManifests = (listing: Listing): string[] =>
  [...listing.keys()].filter((key) => isManifest(key) && !listing.has(toMarker(key)));

/** What was called completed, on the bus or in the catalog, and is not whole in the storage; or is there more than once. */
export async function findBrokenBackups(cluster: Cluster): Promise<string[]> {
  const listing = await listStorage(cluster);
  const expired = await cluster.catalog<{ id: string }>(`SELECT id FROM holdfast.backups WHERE state = 'expired'`);
  const said = cluster.bus.of('backup.completed').map(({ data }) => data as { backupId: string; manifestKey: string });
  const recorded = await cluster.catalog<{ backupId: string; manifestKey: string }>(
    `SELECT backup.id AS "backupId", copy.manifest_key AS "manifestKey"
     FROM holdfast.backups backup JOIN holdfast.backup_copies copy ON copy.backup_id = backup.id
     WHERE backup.state = 'completed'`,
  );
  const broken: string[] = [];
  const places = new Map([...said, ...recorded].map((one) => [`${one.backupId} ${one.manifestKey}`, one]));
  for (const { backupId, manifestKey } of places.values()) {
    if (expired.some(({ id }) => id === backupId)) continue;
    broken.push(...(await findDamage(cluster, manifestKey, listing)));
    const manifests = readableManifests(listing).filter((key) => key.includes(backupId));
    if (manifests.length !== 1) broken.push(`backup ${backupId} has ${manifests.length} manifests: ${manifests}`);
  }
  return broken;
}

async function findDamage(cluster: Cluster, manifestKey: string, listing: Listing): Promise<string[]> {
  if (!listing.has(manifestKey)) return [`${manifestKey} was called completed and is not there`];
  const { attemptKey, objects } = await loadManifest(cluster, manifestKey);
  if (listing.has(toMarker(`${attemptKey}/`))) return [`${attemptKey} was called completed and is swept`];
  const damages = objects.map(async ({ key, sizeBytes, sha256 }) => {
    if (listing.get(key) !== sizeBytes) return [`${key} has ${listing.get(key)} bytes instead of ${sizeBytes}`];
    const digest = createHash('sha256')
      .update(await readObject(cluster, PREFIX + key))
      .digest('hex');
    return digest === sha256 ? [] : [`${key} has another digest than its manifest says`];
  });
  return (await Promise.all(damages)).flat();
}

/**
 * What a reader of the repository would take for a backup although no event says that it is one. A run that was cancelled or failed may have left its own
 * for the next sweep (docs/design/ordering.md, D6).
 */
export async function findUncalledBackups(cluster: Cluster): Promise<string[]> {
  const called = await cluster.catalog<{ id: string }>(
    `SELECT backup.id
     FROM holdfast.backups backup LEFT JOIN holdfast.runs run ON run.id = backup.run_id
     WHERE backup.state = 'completed' OR run.state IN ('failed', 'cancelled')`,
  );
  const manifests = readableManifests(await listStorage(cluster));
  const uncalled = manifests.filter((key) => !called.some(({ id }) => key.split('/')[1] === id));
  return uncalled.map((key) => `${key} can be read and was never called completed`);
}

/** Objects of attempts, of which no manifest of a backup tells. */
export async function findOrphanObjects(cluster: Cluster): Promise<string[]> {
  const listing = await listStorage(cluster);
  const manifests = readableManifests(listing);
  const known = new Set(manifests);
  const unreadable: string[] = [];
  for (const key of manifests) {
    const manifest = await loadManifest(cluster, key).catch(() => undefined);
    if (manifest === undefined) unreadable.push(`${key} cannot be read`);
    for (const object of manifest?.objects ?? []) known.add(object.key);
  }
  const orphans = [...listing.keys()]
    .filter((key) => /[/]a\d+-[^/]+[/]/.test(key) && !key.endsWith('/swept') && !known.has(key))
    .map((key) => `${key} belongs to no backup`);
  return [...unreadable, ...orphans];
}
