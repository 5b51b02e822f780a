import { RestoreRejected } from '#common/contracts/events/restore-rejected.event.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { assertNotExpired, assertRestoreAllowed, decideExpiry } from '#common/domain/request.policy.js';
import type { Installation } from '#common/service/installation.js';
import type { Intake } from '#common/service/intake.js';
import { restoreResource } from '#common/service/restore-place.js';

/** Refuses what has expired and what the target does not accept; one restore at a time writes to a destination. */
export const restoreIntake = (
  installation: Installation,
): Intake<typeof RestoreRequested.data, typeof RestoreRejected.data> => ({
  request: RestoreRequested,
  decide: (event, now) => {
    const { data } = event;
    assertNotExpired(`${event.type} ${event.id}`, decideExpiry(event.time, data.expiresAt), now);
    const destination = installation.destination(data.dataset, data.destination);
    assertRestoreAllowed({ ...data, destination }, installation.targetRules(data.target));
    if (data.profile !== undefined) installation.profile(data.profile, data.dataset);
    return {
      kind: 'restore',
      dataset: data.dataset,
      resource: restoreResource(installation, data.target, destination),
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.executor.maxAttempts,
    };
  },
  rejection: RestoreRejected,
  toRejection: ({ dataset, target }, head) => ({ ...head, dataset, target }),
});
