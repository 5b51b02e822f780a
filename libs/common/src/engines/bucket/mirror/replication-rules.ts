import { GetBucketReplicationCommand } from '@aws-sdk/client-s3';
import { withBucket } from '#common/engines/bucket/bucket-client.js';
import { isCode } from '#common/engines/bucket/bucket-errors.js';
import { type BucketPlace, toPlaceText } from '#common/engines/bucket/bucket-place.js';

/** One rule by which the server replicates a bucket by itself. */
export interface ReplicationRule {
  readonly id: string;
  readonly isEnabled: boolean;
  /** Of the keys that it is about; empty: all, or chosen by tags. */
  readonly prefix: string;
  /** As the server names it: `arn:aws:s3:::replica`. */
  readonly destination: string;
}

/** Undefined: the server knows no replication, or these keys may not ask for it. Throws: bucket.*. */
export function readReplicationRules(place: BucketPlace, signal: AbortSignal): Promise<ReplicationRule[] | undefined> {
  return withBucket(place, async (client) => {
    try {
      const { ReplicationConfiguration } = await client.request(
        `read the replication rules of ${toPlaceText(place)}`,
        signal,
        (s3, o) => s3.send(new GetBucketReplicationCommand({ Bucket: client.bucket }), o),
      );
      return (ReplicationConfiguration?.Rules ?? []).map(({ ID = '', Status, Filter, Destination, Prefix }) => ({
        ...{ id: ID, isEnabled: Status === 'Enabled', prefix: Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? '' },
        destination: Destination?.Bucket ?? '',
      }));
    } catch (error) {
      // A bucket without rules answers as one of which an object is missing.
      if (isCode(error, 'bucket.changed', 'bucket.missing')) return [];
      if (isCode(error, 'bucket.denied', 'bucket.protocol')) return undefined;
      throw error;
    }
  });
}
