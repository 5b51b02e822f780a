import type { BusPosition } from '#common/contracts/bus-position.js';
import type { DataOf } from '#common/contracts/define-event.js';
import type { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import type { TopicRules } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import type { ReplayAsk, ReplayStart } from '#common/operations/replay/request.js';

type Request = DataOf<typeof ReplayRequested>;

export interface ReplayAskFacts {
  readonly replayId: string;
  /** Of the backup that the request names. */
  readonly position: BusPosition | null | undefined;
  /** Of the dataset's topics. */
  readonly rules: readonly TopicRules[];
}

/** A request as the operation needs it; an instant alone means all topics of the dataset. Throws: replay.position-missing. */
export function toReplayAsk(request: Request, { replayId, position, rules }: ReplayAskFacts): ReplayAsk {
  const { mode, groups, destination, acceptReaders, recordsPerSecond } = request;
  const all = request.since === undefined ? undefined : rules.map(({ name }) => name);
  return {
    replayId,
    mode,
    start: toStart(request, position),
    topics: request.topics ?? all,
    groups,
    destination,
    acceptReaders,
    recordsPerSecond,
  };
}

function toStart({ offsets, since, dataset }: Request, position: BusPosition | null | undefined): ReplayStart {
  if (offsets !== undefined) return { offsets };
  if (since !== undefined) return { since: new Date(since) };
  if (position !== null && position !== undefined) return { position };
  throw new AppError('replay.position-missing', `the backup of dataset "${dataset}" holds no position on the bus`);
}
