import { type BucketClient, withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketTarget } from '#common/engines/bucket/bucket-dataset.js';
import { type BucketPlace, placeOf, toPlaceName } from '#common/engines/bucket/bucket-place.js';
import { toEntries } from '#common/engines/bucket/entry.js';
import { type BucketFacts, type Noted, NotedKeys } from '#common/engines/bucket/facts.js';
import type { AttemptIdentity, RestorePlan, RestoreQuestion } from '#common/engines/engine.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { BucketParts } from './bucket-parts.js';
import { comparePlace, type Likeness, listPlace } from './compare.js';
import { findLock, lockKey } from './lock-file.js';
import type { ReplicaContent } from './replica-content.js';

type Question = RestoreQuestion<BucketTarget, BucketFacts>;

/** What a restore into a bucket would do, object by object. */
export interface BucketRestorePlan extends RestorePlan {
  /** `s3.example/media/products`. */
  readonly place: string;
  readonly written: Noted;
  /** As in the backup, as far as the listing tells; how they are served is looked at when they are restored. */
  readonly same: Noted;
  /** In the place and not in the backup: left, or removed by `mirror`. */
  readonly extra: Noted;
  /** Which objects it is about, as asked for; undefined: all. */
  readonly parts: readonly string[] | undefined;
  /** An earlier attempt of this run began to fill it. */
  readonly isOurs: boolean;
}

/** Throws: backup.damaged where the replica has lost content; request.invalid for parts that the backup lacks; bucket.*, backup.corrupt; repository.*. */
export async function previewRestore(
  question: Question,
  { replica, signal }: { readonly replica: ReplicaContent | undefined; readonly signal: AbortSignal },
): Promise<BucketRestorePlan> {
  try {
    if (replica !== undefined && question.inventory !== undefined)
      await replica.assertHeld(toEntries(question.inventory()), new BucketParts(question.parts));
  } finally {
    replica?.close();
  }
  const { manifest, target, destination, strategy, identity, inventory } = question;
  const parts = new BucketParts(question.parts);
  const place = placeOf(target.place, destination);
  return withBucket(place, async (client) => {
    const exists = !(await isEmpty(client, place, signal));
    const isOurs = await isFilledBy(client, place, { identity, signal });
    const said = `${toPlaceName(place)} holds objects`;
    const isRefused = strategy === 'new' && exists && !isOurs;
    const refusals = isRefused ? [toProblem(new AppError('bucket.not-empty', said))] : [];
    const written = new NotedKeys();
    const [same, extra] = [new NotedKeys(), new NotedKeys()];
    const tellApart: Record<Likeness, NotedKeys> = {
      missing: written,
      different: written,
      unclear: written,
      same,
      extra,
    };
    if (inventory !== undefined && !isRefused) {
      for await (const { left, right, likeness } of comparePlace(client, inventory(), { place, parts, signal })) {
        if (left !== undefined) parts.note(left.key);
        tellApart[likeness].add((left ?? right)?.key ?? '');
      }
      parts.assertFound(manifest.backupId);
    }
    return {
      ...{ target: target.name, destination, strategy, exists, refusals, place: toPlaceName(place), isOurs },
      parts: question.parts,
      ...{ written: written.toJSON(), same: same.toJSON(), extra: extra.toJSON() },
    };
  });
}

export const describePlan = (plan: BucketRestorePlan): Record<string, string | readonly string[]> => ({
  place: `${plan.place}, ${plan.exists ? 'holds objects' : 'is empty'}`,
  strategy: plan.strategy,
  ...(plan.parts && { parts: plan.parts.map((part) => JSON.stringify(part)).join(', ') }),
  writes: toText(plan.written),
  'leaves as they are': toText(plan.same),
  [plan.strategy === 'mirror' ? 'removes' : 'leaves (not in the backup)']: toText(plan.extra),
});

const toText = ({ count, keys }: Noted): string => {
  if (count === 0) return 'none';
  const more = count > keys.length ? ` and ${count - keys.length} more` : '';
  return `${count}: ${keys.map((key) => JSON.stringify(key)).join(', ')}${more}`;
};

export async function isEmpty(client: BucketClient, place: BucketPlace, signal: AbortSignal): Promise<boolean> {
  const first = await listPlace(client, place, { signal }).next();
  return first.done === true;
}

async function isFilledBy(
  client: BucketClient,
  { prefix }: BucketPlace,
  { identity, signal }: { readonly identity: AttemptIdentity | undefined; readonly signal: AbortSignal },
): Promise<boolean> {
  if (identity === undefined) return false;
  const lock = await findLock(client, lockKey(prefix), signal);
  return lock !== undefined && lock.runId === identity.runId && lock.isFilling;
}
