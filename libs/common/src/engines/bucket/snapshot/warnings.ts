import type { BucketFacts, Noted } from '#common/engines/bucket/facts.js';
import { toShortList } from '#common/errors/printable.js';

interface Seen extends Pick<BucketFacts, 'changed' | 'vanished'> {
  /** Objects of whose metadata the server sends only a part. */
  readonly cut: Noted;
}

/** What a person should know of the backup before he relies on it. */
export function toWarnings({ changed, vanished, cut }: Seen): string[] {
  return [
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
