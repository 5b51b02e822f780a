import { randomUUID } from 'node:crypto';
import { withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { CONTROL_PREFIX, toPlaceText } from '#common/engines/bucket/bucket-place.js';
import { listBelow } from '#common/engines/bucket/listing.js';
import { withScratch } from '#common/engines/bucket/mirror/mirror-folder.js';
import { MirrorIndex } from '#common/engines/bucket/mirror/mirror-index.js';
import { readReplicationRules } from '#common/engines/bucket/mirror/replication-rules.js';
import { type Check, CheckWarning } from '#common/engines/check.js';

/** Does the replica of a bucket follow it? */
export function mirrorChecks({ name, place, mirror }: BucketDataset, signal: AbortSignal): Check[] {
  if (mirror === undefined) return [];
  const listed = `dataset ${name}: listing of the replica`;
  const replica = mirror.place;
  const looked = {
    name: listed,
    run: () =>
      withBucket(replica, async (client) => {
        const first = await listBelow(client, replica.prefix, { withVersions: false, pageSize: 1, signal }).next();
        return `${toPlaceText(replica)} ${first.done ? 'is empty' : 'holds objects'}`;
      }),
  };
  if (mirror.mode === 'watch')
    return [
      looked,
      {
        name: `dataset ${name}: replication rules`,
        run: async () => toText(await readReplicationRules(place, signal)),
      },
    ];
  return [
    looked,
    { name: `dataset ${name}: right to write to the replica`, needs: [listed], run: () => tryToWrite(mirror, signal) },
    { name: `dataset ${name}: age of the replica`, needs: [listed], run: () => describeAge(mirror, signal) },
  ];
}

/** Throws: CheckWarning where the server replicates nothing, or does not say. */
function toText(rules: Awaited<ReturnType<typeof readReplicationRules>>): string {
  if (rules === undefined)
    throw new CheckWarning(
      'the server does not tell its replication rules: grant s3:GetReplicationConfiguration, or let Holdfast copy with `mode: copy`',
    );
  const enabled = rules.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0)
    throw new CheckWarning('the server has no replication rule that is enabled: add one, or set `mode: copy`');
  return enabled.map(({ id, prefix, destination }) => `${id || 'a rule'}: ${prefix}* to ${destination}`).join('; ');
}

function tryToWrite({ place }: BucketMirror, signal: AbortSignal): Promise<string> {
  const key = `${CONTROL_PREFIX}probe-${randomUUID()}`;
  return withBucket(place, async (client) => {
    await client.put(key, Buffer.from('probe'), {}, signal);
    await client.remove(key, signal);
    return `written below ${CONTROL_PREFIX}, and removed`;
  });
}

function describeAge({ place, lagAfterMs }: BucketMirror, signal: AbortSignal): Promise<string> {
  return withBucket(place, (client) =>
    withScratch(async (folder) => {
      const at = await new MirrorIndex(client, place.prefix, folder).sourceAt(signal);
      if (at === undefined)
        throw new CheckWarning('the mirror has not finished a round yet: an executor that runs keeps it');
      const said = `the replica has all that the source held at ${at.toISOString()}`;
      if (Date.now() - at.getTime() <= lagAfterMs) return said;
      throw new CheckWarning(`${said}, and nothing is known since: look whether an executor runs, and at its log`);
    }),
  );
}
