import type { DataOf } from '#common/contracts/define-event.js';
import { ReplayRejected } from '#common/contracts/events/replay-rejected.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { assertNotExpired, decideExpiry, decideReplayTopics } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import type { Installation } from '#common/service/installation.js';
import type { Intake } from '#common/service/intake.js';

/** Refuses what has expired and what the dataset's topics do not accept; one replay at a time per dataset. */
export const replayIntake = (
  installation: Installation,
): Intake<typeof ReplayRequested.data, typeof ReplayRejected.data> => ({
  request: ReplayRequested,
  decide: (event, now) => {
    const { data } = event;
    assertNotExpired(`${event.type} ${event.id}`, decideExpiry(event.time, data.expiresAt), now);
    assertOneStart(data);
    decideReplayTopics(data, installation.topicRules(data.dataset));
    return {
      kind: 'replay',
      dataset: data.dataset,
      resource: `topics of ${data.dataset}`,
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.verifier.maxAttempts,
    };
  },
  rejection: ReplayRejected,
  toRejection: ({ dataset }, head) => ({ ...head, dataset }),
});

function assertOneStart({ backup, restoreRunId, offsets, since }: DataOf<typeof ReplayRequested>): void {
  const starts = [backup, restoreRunId, offsets, since].filter((start) => start !== undefined);
  if (starts.length === 1) return;
  throw new AppError('request.invalid', 'a replay names exactly one of backup, restoreRunId, offsets and since');
}
