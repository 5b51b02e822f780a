import type { OpenOptions } from '#common/engines/engine.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { ReplicationSession } from '#common/engines/postgres/replication/replication-session.js';
import { DEFAULT_BASE } from './base-command.js';
import { BaseOutput, type BaseParts } from './base-output.js';
import { readSource, type SourceFacts } from './base-source.js';

/**
 * Checks the server and begins its physical backup; `toFindLineage` refuses a server, or says how to find what the copy builds on.
 * Throws: postgres.*, request.refused, engine.output. Source: PostgreSQL "Streaming Replication Protocol", BASE_BACKUP.
 */
export async function openBase(
  dataset: PostgresDataset,
  o: OpenOptions,
  toFindLineage: (source: SourceFacts) => BaseParts['findLineage'],
): Promise<BaseOutput> {
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  const applicationName = o.applicationName ?? `holdfast base ${dataset.name}`;
  o.onStage?.('connect');
  const session = await PgSession.open(dataset.connection, { signal, applicationName });
  try {
    const source = await readSource(session);
    const findLineage = toFindLineage(source);
    const busPosition = (await o.readBusPosition?.({ signal })) ?? null;
    // One server for all: another host of the url may be another cluster.
    const replication = await ReplicationSession.open(session.connection, { signal, applicationName });
    o.onStage?.('snapshot');
    const { compression, name, base = DEFAULT_BASE } = dataset;
    const options = { ...base, compression, label: `holdfast ${name}` };
    const { sealing } = o;
    return await BaseOutput.begin({
      ...{ session, replication, source, busPosition, options, findLineage, sealing, stop, signal },
    });
  } catch (error) {
    stop.abort(error);
    await session.close();
    throw error;
  }
}
