import type { BucketFacts, Noted } from '#common/engines/bucket/facts.js';
import { toShortList } from '#common/errors/printable.js';

interface Seen extends Pick<BucketFacts, 'objects' | 'changed' | 'vanished'> {
  /** Objects of the backup before. */
  readonly before: number;
  /** Objects of whose metadata the server sends only a part. */
  readonly cut: Noted;
}

/** A bucket that shrank to less than this part of itself was more likely lost than tidied. */
const SUSPICIOUS_PART = 0.5;
/** Of less than so many objects half come and go. */
const SUSPICIOUS_FROM = 10;

/** What a person should know of the backup before he relies on it. */
export function toWarnings({ objects, before, changed, vanished, cut }: Seen): string[] {
  return [
    ...(before >= SUSPICIOUS_FROM && objects < before * SUSPICIOUS_PART
      ? [`the bucket holds ${objects} objects; the backup before has ${before}: keep that one until this is explained`]
      : []),
    ...warn(changed, 'were replaced while they were copied; the backup has the later content'),
    ...warn(vanished, 'were removed while they were copied; the backup lacks them'),
    ...warn(cut, 'have metadata that the server cannot send; the backup lacks it'),
  ];
}

const warn = ({ count, keys }: Noted, what: string): string[] =>
  count === 0
    ? []
    : [
        `${count} objects ${what}: ${toShortList(
          keys.map((key) => JSON.stringify(key)),
          { total: count },
        )}`,
      ];
