import { VerificationRejected } from '#common/contracts/events/verification-rejected.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import type { Installation } from '#common/service/installation.js';
import type { Intake } from '#common/service/intake.js';
import { restoreResource } from '#common/service/restore-place.js';

/** Looks only where a restore could have gone, and not while one writes there. */
export const verificationIntake = (
  installation: Installation,
): Intake<typeof VerificationRequested.data, typeof VerificationRejected.data> => ({
  request: VerificationRequested,
  decide: ({ data }) => {
    installation.datasetConfig(data.dataset);
    installation.profile(data.profile, data.dataset);
    const rules = installation.targetRules(data.target);
    const [strategy = 'new'] = rules.strategies;
    assertRestoreAllowed({ ...data, strategy }, rules);
    return {
      kind: 'verification',
      dataset: data.dataset,
      resource: restoreResource(installation, data.target, data.destination),
      sourceHost: null,
      deadlineAt: null,
      maxAttempts: installation.config.verifier.maxAttempts,
    };
  },
  rejection: VerificationRejected,
  toRejection: ({ dataset, target }, head) => ({ ...head, dataset, target }),
});
