import type { DeskPlace } from '#common/engines/local-desk.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';

/** A cluster whose WAL a dataset archives. */
export interface RegisteredCluster extends DeskPlace<PostgresDataset> {
  readonly systemId: string;
  readonly segmentBytes: number;
}

/** What a server says of itself. */
export type ClusterIdentity = Pick<RegisteredCluster, 'systemId' | 'segmentBytes'>;

/** Throws: postgres.*. */
export const identifyCluster = (
  { connection }: Pick<PostgresDataset, 'connection'>,
  signal: AbortSignal,
): Promise<ClusterIdentity> =>
  withPgSession(connection, { signal, applicationName: 'holdfast wal' }, (session) =>
    session.queryOne<ClusterIdentity>(
      `SELECT system_identifier::text AS "systemId",
         pg_size_bytes(current_setting('wal_segment_size'))::float8 AS "segmentBytes"
       FROM pg_control_system()`,
    ),
  );

/** Which clusters may hand WAL over: those that the urls of datasets lead to. A cluster that answered once is known until the process ends. */
export class RegisteredClusters {
  private readonly known = new Map<string, RegisteredCluster>();

  constructor(private readonly places: readonly DeskPlace<PostgresDataset>[]) {}

  /** Throws: wal.unregistered; postgres.* while a server that may be the one does not answer; config.invalid for two datasets of one cluster. */
  async of(systemId: string, signal: AbortSignal): Promise<RegisteredCluster> {
    const known = this.known.get(systemId);
    if (known !== undefined) return known;
    const asked = await Promise.allSettled(
      this.places.map(async (place) => ({ ...place, ...(await identifyCluster(place.dataset, signal)) })),
    );
    const clusters = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const [cluster, other] = clusters.filter((each) => each.systemId === systemId);
    if (cluster !== undefined && other !== undefined) throw toTwice(systemId, cluster, other);
    if (cluster === undefined) throw this.toUnknown(systemId, asked);
    this.known.set(systemId, cluster);
    return cluster;
  }

  private toUnknown(systemId: string, asked: readonly PromiseSettledResult<RegisteredCluster>[]): unknown {
    const failed = asked.find((each) => each.status === 'rejected');
    if (failed !== undefined) return failed.reason;
    const known = asked.flatMap((each) =>
      each.status === 'fulfilled' ? [`cluster ${each.value.systemId} as dataset "${each.value.dataset.name}"`] : [],
    );
    return new AppError(
      'wal.unregistered',
      `cluster ${systemId} is that of no dataset with \`wal: { mode: push }\`; there is: ${known.join(', ') || 'none'}`,
      { systemId },
    );
  }
}

function toTwice(systemId: string, { dataset: a }: RegisteredCluster, { dataset: b }: RegisteredCluster): AppError {
  const message = `datasets "${a.name}" and "${b.name}" both archive the WAL of cluster ${systemId}`;
  const hint = 'Leave `wal` at one of them: the WAL is that of the whole cluster, and so are base backups.';
  return new AppError('config.invalid', message, { systemId }, { hint });
}
