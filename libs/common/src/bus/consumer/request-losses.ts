/** Offsets of a partition that were deleted before the group read them; the last is not one of them. */
export interface LostRequests {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly toOffset: bigint;
}

/** A topic that was deleted and made anew: it is read from its start. */
export interface ReplacedTopic {
  readonly topic: string;
  /** Null where the broker tells no ids. */
  readonly formerId: string | null;
  readonly id: string | null;
}

/** Told before the consumer goes on. Each throws what may pass later: catalog.unavailable. */
export interface RequestLosses {
  lost(loss: LostRequests): Promise<void>;
  replaced(topic: ReplacedTopic): Promise<void>;
}
