import type { OpenManifest } from '#common/contracts/manifest.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { DocumentsFacts } from './documents-facts.js';

export type DocumentsManifest = OpenManifest<DocumentsFacts>;

/** How to reach a server. */
export interface MeilisearchConnection {
  readonly url: string;
  /** undefined: a server without a master key. */
  readonly apiKey: string | undefined;
}

/** Indexes of a server to protect. */
export interface MeilisearchDataset extends ProtectedDataset {
  readonly connection: MeilisearchConnection;
  /** Names, and patterns with `*`, which no name has in it. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** What stands before every name on the server and is no part of it: empty but for what a restore under a prefix made. */
  readonly prefix: string;
  /** Where the server writes its files, as this machine reads it. */
  readonly directories: { readonly dump: string | undefined; readonly snapshot: string | undefined };
  /** By index: of which rows it is made. */
  readonly rebuild: Readonly<Record<string, RebuildSource>>;
}

/** The rows of a database that an index is made of. */
export interface RebuildSource {
  readonly url: string;
  /** Each row is a document: its columns are the fields. */
  readonly query: string;
  readonly primaryKey: string;
  /** undefined: those of the index that is replaced. */
  readonly settings: JsonObject | undefined;
}

/** Members of embedders that the backup does not hold, by index and embedder. */
export type EmbedderSecrets = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Json>>>>>>;

/** A server to restore to. */
export interface MeilisearchTarget extends RestoreTarget {
  readonly connection: MeilisearchConnection;
  readonly embedderSecrets: EmbedderSecrets;
  /** For strategy files. */
  readonly directory: string | undefined;
}

export const placeOf = ({ connection }: { readonly connection: MeilisearchConnection }): string => {
  const { protocol, hostname, port } = new URL(connection.url);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
};
