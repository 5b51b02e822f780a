import type { Manifest } from '#common/contracts/manifest.js';
import type { Verification } from '#common/operations/verify-restore.js';
import { withDatabase } from '#common/pg/connection.js';
import type { Installation } from './installation.js';

export interface VerificationNames {
  readonly runId: string;
  readonly manifest: Manifest;
  readonly target: string;
  readonly database: string;
  readonly profile: string;
}

/** Names from a request or the command line, as the operation needs them. Throws: request.refused. */
export function toVerification(installation: Installation, names: VerificationNames): Verification {
  const { runId, manifest } = names;
  const target = installation.target(names.target);
  return {
    runId,
    manifest,
    database: withDatabase(target.connection, names.database),
    profile: installation.profile(names.profile),
    privileges: target.privileges,
    owner: target.owner,
    tenantTables: installation.datasetConfig(manifest.dataset).tenantTables,
    toolDirectories: target.toolDirectories,
  };
}
