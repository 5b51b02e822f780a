import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { BackupMethod, OpenOptions } from '#common/engines/engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { Summary } from '#common/engines/summary.js';
import { toBaseByHand } from './base-by-hand.js';
import type { BaseOutput } from './base-output.js';
import { openBase } from './open-base.js';

/** Physical backups of a whole cluster: every database, byte by byte, with the WAL that makes them consistent. */
export class BaseMethod implements BackupMethod<PostgresDataset, BaseFacts> {
  readonly name = 'base';
  readonly byHand = toBaseByHand;

  /** Checks the server and begins its backup. Throws: postgres.*, request.refused, engine.output. */
  open(dataset: PostgresDataset, o: OpenOptions): Promise<BaseOutput> {
    return openBase(dataset, o, () => undefined);
  }
}

/** For lists and events, which never read facts. */
export function summariseBase({ takenAt, databases, tablespaces, checksumFailures, ...facts }: BaseFacts): Summary {
  const damaged = checksumFailures.map((failure) => `the source has damaged pages, and so has this copy: ${failure}`);
  const full = facts.fullBecause === null ? [] : [`the copy is full and not incremental: ${facts.fullBecause}`];
  const parent = facts.chain.at(-1);
  const onTop = parent === undefined ? '' : `, what changed since backup ${parent.backupId}`;
  return {
    snapshotAt: takenAt,
    source: `cluster ${facts.systemId} of PostgreSQL ${facts.serverVersion}, timeline ${facts.timeline} at ${facts.endLsn}${onTop}`,
    sourceSizeBytes: databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    counts: { databases: databases.length, tablespaces: tablespaces.length },
    warnings: [...full, ...damaged],
  };
}
