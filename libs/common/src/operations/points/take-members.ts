import type { Manifest } from '#common/contracts/manifest.js';
import { type OrderedMember, referrersOf } from '#common/domain/points/member-order.js';

export interface PlannedMember extends OrderedMember {
  readonly method: string;
}

/** Backs one member up. Calls `onSnapshot` once its moment is fixed, which is long before its last byte is stored. */
export type TakeMember<M> = (member: M, onSnapshot: () => void) => Promise<Manifest>;

/**
 * Backs all members up, as close together as they can be in the right order: a member begins when everything that refers to it has its moment.
 * Those that began end, also when another one fails. Throws: why the first member failed.
 */
export async function takeMembers<M extends PlannedMember>(
  members: readonly M[],
  take: TakeMember<M>,
): Promise<Map<string, Manifest>> {
  const moments = new Map(members.map(({ dataset }) => [dataset, Promise.withResolvers<void>()]));
  const taken = new Map<string, Manifest>();
  const takeInTurn = async (member: M): Promise<void> => {
    const own = moments.get(member.dataset);
    try {
      await Promise.all(referrersOf(member.dataset, members).map(({ dataset }) => moments.get(dataset)?.promise));
      taken.set(member.dataset, await take(member, () => own?.resolve()));
      own?.resolve();
    } catch (error) {
      own?.reject(error);
      throw error;
    }
  };
  // What waits for a member that failed fails with it, whether or not another member waits.
  for (const { promise } of moments.values()) promise.catch(() => undefined);
  const ended = await Promise.allSettled(members.map(takeInTurn));
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return taken;
}

/** What an engine says before the moment of its backup is fixed. */
const BEFORE_SNAPSHOT: readonly string[] = ['connect', 'snapshot'];

export const isSnapshotTaken = (stage: string): boolean => !BEFORE_SNAPSHOT.includes(stage);
