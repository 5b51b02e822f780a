import type { BusPosition } from '../contracts/bus-position.js';
import type { DataOf } from '../contracts/define-event.js';
import type { ReplayRequested } from '../contracts/events/replay-requested.event.js';
import { AppError } from '../errors/app-error.js';
import type { ReplayAsk, ReplayDeps, ReplayStart } from '../operations/replay-request.js';
import type { Installation } from './installation.js';

type Request = DataOf<typeof ReplayRequested>;

/** A request as the operation needs it; `position` is that of the backup it names. Throws: replay.position-missing. */
export function toReplayAsk(request: Request, replayId: string, position: BusPosition | null | undefined): ReplayAsk {
  const { mode, topics, groups, destination, acceptReaders, recordsPerSecond } = request;
  return {
    replayId,
    mode,
    start: toStart(request, position),
    topics,
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

/** What the configuration allows, per topic of the dataset. */
export const toReplayRules = (installation: Installation, dataset: string): ReplayDeps['rules'] =>
  Object.fromEntries(installation.topicRules(dataset).map(({ name, ...rules }) => [name, rules]));
