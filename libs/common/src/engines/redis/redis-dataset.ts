import type { RedisConnection } from './connection.js';

/** A server, a group under Sentinel, or a cluster to protect, as the engine needs to know it. */
export interface RedisDataset {
  readonly name: string;
  readonly connection: RedisConnection;
  /** Where the server keeps its append-only files, for the method `aof`: `dir` and `appenddirname` of its configuration. */
  readonly aofDirectory: string | undefined;
  /** How the server is said to persist, for `holdfast check`. */
  readonly persistence: 'aof' | 'save' | 'both' | 'none' | undefined;
  /** zstd level and threads of the compressing child. */
  readonly compression: { readonly level: number; readonly threads: number };
}

/** A server to restore to. */
export interface RedisTarget {
  readonly name: string;
  readonly connection: RedisConnection;
  /** Where a stopped server finds its files: for the strategy `files`. */
  readonly directory: string | undefined;
  /** Databases that a restore may empty before it writes into them. */
  readonly mayFlush: boolean;
}
