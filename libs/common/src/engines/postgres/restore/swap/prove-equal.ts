import type { PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { fingerprintsProbe } from '#common/engines/postgres/probes/fingerprints.probe.js';
import { rowCountsProbe } from '#common/engines/postgres/probes/row-counts.probe.js';
import { schemaProbe } from '#common/engines/postgres/probes/schema/schema.probe.js';
import { sequencesProbe } from '#common/engines/postgres/probes/sequences.probe.js';
import { AppError } from '#common/errors/app-error.js';
import { withDatabase } from '#common/pg/connection.js';

const PROOFS = [schemaProbe, rowCountsProbe, sequencesProbe, fingerprintsProbe] as const;

export interface Proof {
  readonly manifest: PostgresManifest;
  readonly target: PostgresTarget;
  /** What was restored, under the name that it has now. */
  readonly database: string;
  readonly signal: AbortSignal;
}

/**
 * Holds a restored database against the facts of its backup, by the questions of the probes `schema`, `row-counts`, `sequences` and `fingerprints`. What they
 * leave open passes. Throws: restore.unequal with what differs; postgres.*.
 */
export async function proveEqual({ manifest, target, database, signal }: Proof): Promise<void> {
  const { privileges, owner, toolDirectories } = target;
  const connection = withDatabase(target.connection, database);
  const place = { manifest, database: connection, toolDirectories, privileges, owner, signal };
  for (const probe of PROOFS) {
    const { verdict, summary, evidence } = await probe.ask(place);
    if (verdict !== 'failed') continue;
    const found = evidence.map(({ subject, problem = 'differs' }) => `${subject}: ${problem}`);
    throw new AppError(
      'restore.unequal',
      `what was restored is not what was backed up (${probe.name}: ${summary}): ${found.slice(0, 3).join('; ')}; nothing was exchanged`,
      { probe: probe.name, found },
    );
  }
}
