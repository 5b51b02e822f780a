import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { BackupMethod, OpenOptions } from '#common/engines/engine.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { ReplicationSession } from '#common/engines/postgres/replication/replication-session.js';
import type { Summary } from '#common/engines/summary.js';
import { toBaseByHand } from './base-by-hand.js';
import { DEFAULT_BASE } from './base-command.js';
import { BaseOutput } from './base-output.js';
import { readSource } from './base-source.js';

/** Physical backups of a whole cluster: every database, byte by byte, with the WAL that makes them consistent. */
export class BaseMethod implements BackupMethod<PostgresDataset, BaseFacts> {
  readonly name = 'base';
  readonly byHand = toBaseByHand;

  /**
   * Checks the server and begins its backup. Throws: postgres.*, request.refused, engine.output.
   * Source: PostgreSQL "Streaming Replication Protocol", BASE_BACKUP.
   */
  async open(dataset: PostgresDataset, o: OpenOptions): Promise<BaseOutput> {
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const applicationName = o.applicationName ?? `holdfast base ${dataset.name}`;
    o.onStage?.('connect');
    const session = await PgSession.open(dataset.connection, { signal, applicationName });
    try {
      const source = await readSource(session);
      const busPosition = (await o.readBusPosition?.({ signal })) ?? null;
      // One server for all: another host of the url may be another cluster.
      const replication = await ReplicationSession.open(session.connection, { signal, applicationName });
      o.onStage?.('snapshot');
      const options = {
        ...(dataset.base ?? DEFAULT_BASE),
        compression: dataset.compression,
        label: `holdfast ${dataset.name}`,
      };
      return await BaseOutput.begin({
        session,
        replication,
        source,
        busPosition,
        options,
        sealing: o.sealing,
        stop,
        signal,
      });
    } catch (error) {
      stop.abort(error);
      await session.close();
      throw error;
    }
  }
}

/** For lists and events, which never read facts. */
export function summariseBase({ takenAt, databases, tablespaces, checksumFailures, ...facts }: BaseFacts): Summary {
  const damaged = checksumFailures.map((failure) => `the source has damaged pages, and so has this copy: ${failure}`);
  return {
    snapshotAt: takenAt,
    source: `cluster ${facts.systemId} of PostgreSQL ${facts.serverVersion}, timeline ${facts.timeline} at ${facts.endLsn}`,
    sourceSizeBytes: databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    counts: { databases: databases.length, tablespaces: tablespaces.length },
    warnings: damaged,
  };
}
