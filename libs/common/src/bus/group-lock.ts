import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from 'kafkajs';
import { AppError } from '#common/errors/app-error.js';
import { kafkaErrorType, withBus } from './bus-error.js';
import type { KafkaCluster } from './kafka-cluster.js';

export interface LockMember {
  readonly memberId: string;
  /** Of its client: who it is. */
  readonly clientId: string;
}

interface LockBroker extends Broker {
  joinGroup(o: object): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly LockMember[];
  }>;
  syncGroup(o: object): Promise<unknown>;
  heartbeat(o: object): Promise<unknown>;
  leaveGroup(o: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
  deleteGroups(groupIds: readonly string[]): Promise<unknown>;
}

const SESSION_MS = 30_000;
const BEAT_MS = 3_000;
/** We stop before the broker lets another one in. */
const LOST_MS = SESSION_MS * 0.6;
const REBALANCING = 'REBALANCE_IN_PROGRESS';
const NOT_OURS = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'];
const PROTOCOL = 'holdfast-lock';

/**
 * A lock on the cluster: the leader of a group that no consumer is in. A holder that dies is forgotten by the broker, and its group leads
 * nobody astray: the type of its protocol is our own.
 */
export class GroupLock {
  readonly whenLost: Promise<Error>;
  private lose: (error: Error) => void = () => undefined;
  private readonly stop = new AbortController();
  private beating: Promise<void> = Promise.resolve();

  private constructor(
    private readonly cluster: KafkaCluster,
    readonly group: string,
    private held: { readonly memberId: string; readonly generationId: number },
  ) {
    this.whenLost = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  /** undefined: another one has it. Throws: bus.unavailable. */
  static async take(cluster: KafkaCluster, group: string): Promise<GroupLock | undefined> {
    const joined = await join(cluster, group, '');
    if (joined === undefined) return undefined;
    const lock = new GroupLock(cluster, group, joined);
    lock.beating = lock.beat();
    return lock;
  }

  /** Idempotent, never throws. */
  async close(): Promise<void> {
    if (this.stop.signal.aborted) return;
    this.stop.abort();
    await this.beating;
    await evict(this.cluster, this.group, this.held.memberId).catch(() => undefined);
  }

  private async beat(): Promise<void> {
    let goodAt = performance.now();
    while (!this.stop.signal.aborted) {
      await sleep(BEAT_MS, undefined, { signal: this.stop.signal, ref: false }).catch(() => undefined);
      if (this.stop.signal.aborted) return;
      const began = performance.now();
      const error = await this.renew().then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error === undefined) goodAt = began;
      else if (error instanceof LockTaken || performance.now() - goodAt > LOST_MS) {
        this.lose(new AppError('restore.busy', `the lock ${this.group} was lost`, {}, { cause: error }));
        return;
      }
    }
  }

  private async renew(): Promise<void> {
    const { memberId, generationId } = this.held;
    try {
      const broker = await coordinatorOf(this.cluster, this.group);
      await broker.heartbeat({ groupId: this.group, memberId, groupGenerationId: generationId });
    } catch (error) {
      const type = kafkaErrorType(error) ?? '';
      if (NOT_OURS.includes(type)) throw new LockTaken();
      if (type !== REBALANCING) throw error;
      const joined = await join(this.cluster, this.group, memberId);
      if (joined === undefined) throw new LockTaken();
      this.held = joined;
    }
  }
}

class LockTaken extends Error {}

/** Who is in the group of a lock, holder or not. Throws: bus.unavailable. */
export async function listLockMembers(cluster: KafkaCluster, group: string): Promise<readonly LockMember[]> {
  const { groups } = await withBus(`describe group ${group}`, async () => {
    const broker = await coordinatorOf(cluster, group);
    return cluster.retry(() => broker.describeGroups({ groupIds: [group] })) as Promise<{
      groups: readonly { readonly members: readonly LockMember[] }[];
    }>;
  });
  return groups[0]?.members ?? [];
}

/** Takes a member out: it has the lock no more, whatever it does. The group goes with its last member. Throws: bus.unavailable. */
export async function evict(cluster: KafkaCluster, group: string, memberId: string): Promise<void> {
  await withBus(`take a member out of group ${group}`, async () => {
    const broker = await coordinatorOf(cluster, group);
    await broker.leaveGroup({ groupId: group, memberId }).catch((error: unknown) => {
      if (kafkaErrorType(error) !== 'UNKNOWN_MEMBER_ID') throw error;
    });
    // Refused while another member is there; a group that is left all the same the broker forgets after a while.
    await broker.deleteGroups([group]).catch(() => undefined);
  });
}

/** Undefined where another member leads: we have left again then. */
async function join(cluster: KafkaCluster, group: string, known: string) {
  return cluster.exchange(`join group ${group}`, async () => {
    const broker = await coordinatorOf(cluster, group);
    const { memberId, generationId, leaderId, members } = await broker.joinGroup({
      ...{ groupId: group, memberId: known, sessionTimeout: SESSION_MS, rebalanceTimeout: 2 * BEAT_MS },
      ...{ protocolType: PROTOCOL, groupProtocols: [{ name: PROTOCOL, metadata: Buffer.alloc(0) }] },
    });
    if (leaderId !== memberId) {
      await broker.leaveGroup({ groupId: group, memberId });
      return undefined;
    }
    const groupAssignment = members.map((each) => ({ memberId: each.memberId, memberAssignment: Buffer.alloc(0) }));
    await broker.syncGroup({ groupId: group, generationId, memberId, groupAssignment });
    return { memberId, generationId };
  });
}

const coordinatorOf = async (cluster: KafkaCluster, group: string): Promise<LockBroker> =>
  (await cluster.cluster.findGroupCoordinator({ groupId: group })) as LockBroker;
