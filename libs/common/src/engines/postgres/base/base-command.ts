import { joined, literal, type Sql, sql } from '#common/pg/sql.js';

/** How a dataset is copied physically, as the configuration says. */
export interface BaseOptions {
  /** Kilobytes per second that the server sends at most; undefined: as fast as it can. */
  readonly maxRateKilobytes: number | undefined;
  /** `fast`: the server writes everything out at once; `spread`: over the time of its own checkpoints, minutes. */
  readonly checkpoint: 'fast' | 'spread';
  /** Who compresses; a server that cannot is asked for plain bytes. */
  readonly compress: 'server' | 'client';
  /** How incremental copies build on earlier ones. */
  readonly incremental: IncrementalOptions;
}

export interface IncrementalOptions {
  /** On what a copy builds: on the newest one, or on the newest that is full. */
  readonly on: 'newest' | 'full';
  /** How many copies a chain may have besides the full one. */
  readonly maxChain: number;
  /** What becomes of a backup for which there is nothing to build on. */
  readonly otherwise: 'refuse' | 'full';
}

export const DEFAULT_INCREMENTAL: IncrementalOptions = { on: 'newest', maxChain: 30, otherwise: 'refuse' };

export const DEFAULT_BASE: BaseOptions = {
  ...{ maxRateKilobytes: undefined, checkpoint: 'fast', compress: 'server' },
  incremental: DEFAULT_INCREMENTAL,
};

export interface BaseCommand extends BaseOptions {
  readonly label: string;
  readonly compression: { readonly level: number; readonly threads: number };
  /** Only what changed since the backup whose manifest was uploaded in the same session. */
  readonly isIncremental: boolean;
}

/** Source: PostgreSQL "Streaming Replication Protocol", BASE_BACKUP, in the form of version 15 and newer. */
export function toBaseBackup({ label, compression, isIncremental, ...o }: BaseCommand): Sql {
  const { maxRateKilobytes, checkpoint, compress } = o;
  const detail = `level=${compression.level},workers=${compression.threads}`;
  return sql`BASE_BACKUP (${joined([
    sql`LABEL ${literal(label)}`,
    sql`CHECKPOINT ${literal(checkpoint)}`,
    sql`MANIFEST 'yes'`,
    sql`TABLESPACE_MAP`,
    sql`WAL`,
    // What it needs comes along: a backup need not wait for an archive_command that fails.
    sql`WAIT false`,
    ...(isIncremental ? [sql`INCREMENTAL`] : []),
    ...(maxRateKilobytes === undefined ? [] : [sql`MAX_RATE ${maxRateKilobytes}`]),
    ...(compress === 'server' ? [sql`COMPRESSION 'zstd'`, sql`COMPRESSION_DETAIL ${literal(detail)}`] : []),
  ])})`;
}
