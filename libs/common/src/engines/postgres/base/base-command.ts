import { joined, literal, type Sql, sql } from '#common/pg/sql.js';

/** How a dataset is copied physically, as the configuration says. */
export interface BaseOptions {
  /** Kilobytes per second that the server sends at most; undefined: as fast as it can. */
  readonly maxRateKilobytes: number | undefined;
  /** `fast`: the server writes everything out at once; `spread`: over the time of its own checkpoints, minutes. */
  readonly checkpoint: 'fast' | 'spread';
  /** Who compresses; a server that cannot is asked for plain bytes. */
  readonly compress: 'server' | 'client';
}

export const DEFAULT_BASE: BaseOptions = { maxRateKilobytes: undefined, checkpoint: 'fast', compress: 'server' };

export interface BaseCommand extends BaseOptions {
  readonly label: string;
  readonly compression: { readonly level: number; readonly threads: number };
}

/** Source: PostgreSQL "Streaming Replication Protocol", BASE_BACKUP, in the form of version 15 and newer. */
export function toBaseBackup({ label, maxRateKilobytes, checkpoint, compress, compression }: BaseCommand): Sql {
  const detail = `level=${compression.level},workers=${compression.threads}`;
  return sql`BASE_BACKUP (${joined([
    sql`LABEL ${literal(label)}`,
    sql`CHECKPOINT ${literal(checkpoint)}`,
    sql`MANIFEST 'yes'`,
    sql`TABLESPACE_MAP`,
    sql`WAL`,
    // What it needs comes along: a backup need not wait for an archive_command that fails.
    sql`WAIT false`,
    ...(maxRateKilobytes === undefined ? [] : [sql`MAX_RATE ${maxRateKilobytes}`]),
    ...(compress === 'server' ? [sql`COMPRESSION 'zstd'`, sql`COMPRESSION_DETAIL ${literal(detail)}`] : []),
  ])})`;
}
