import type { Manifest } from '#common/contracts/manifest.js';
import type { Verification } from '#common/operations/verify-restore.js';
import type { Installation } from '../installation.js';

export interface VerificationNames {
  readonly runId: string;
  readonly manifest: Manifest;
  readonly target: string;
  readonly destination: string;
  readonly profile: string;
}

/** Names from a request or the command line, as the operation needs them. Throws: request.refused. */
export function toVerification(installation: Installation, names: VerificationNames): Verification {
  const { runId, manifest, destination } = names;
  return {
    ...{ runId, manifest, destination },
    dataset: installation.dataset(manifest.dataset),
    target: installation.target(names.target),
    profile: installation.profile(names.profile, manifest.dataset),
  };
}
