import type { DataOf } from '#common/contracts/define-event.js';
import { ReplayRejected } from '#common/contracts/events/replay-rejected.event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { VerificationRejected } from '#common/contracts/events/verification-rejected.event.js';
import { VerificationRequested } from '#common/contracts/events/verification-requested.event.js';
import {
  assertNotExpired,
  assertRestoreAllowed,
  decideExpiry,
  decideReplayTopics,
} from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import type { Installation } from '#common/service/installation.js';
import { type Intake, type IntakeTable, runEntry } from '#common/service/requests/intake.js';
import { restoreResource } from '#common/service/requests/restore-place.js';

export const verifierIntake = (installation: Installation): IntakeTable => [
  runEntry(verificationIntake(installation)),
  runEntry(replayIntake(installation)),
];

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
