import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';

/** The two databases of one Temporal, in the order in which a restore names them. */
export const STORES = ['main', 'visibility'] as const;
export type StoreName = (typeof STORES)[number];

/** Something of each of the two databases. */
export type PerStore<T> = Readonly<Record<StoreName, T>>;

/** The databases of one Temporal, which only make sense together. */
export interface TemporalDataset extends ProtectedDataset, PerStore<PostgresDataset> {}

/** A server that both databases are restored to. */
export interface TemporalTarget extends RestoreTarget {
  readonly server: PostgresTarget;
  /** What the visibility store is called; `*` stands for the name of the main store. */
  readonly visibilityDatabase: string;
}

/** A destination names the main store, and with it the other one. */
export const databasesOf = (
  { visibilityDatabase }: Pick<TemporalTarget, 'visibilityDatabase'>,
  destination: string,
): PerStore<string> => ({
  main: destination,
  visibility: visibilityDatabase.replace('*', () => destination),
});

/** Objects of a dump are called `main-database.dump`. */
export const prefixOf = (store: StoreName): string => `${store}-`;

/** `main store`, for people. */
export const nameOf = (store: StoreName): string => `${store} store`;

/** In the order of `STORES`, one after another. */
export async function perStore<T>(work: (store: StoreName) => Promise<T>): Promise<PerStore<T>> {
  return { main: await work('main'), visibility: await work('visibility') };
}
