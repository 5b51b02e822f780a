import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { toPgPlace } from '#common/pg/connection.js';

/** The ledger's name of one database on one server: only one run at a time may write to it or judge it. */
export const restoreResource = ({ connection }: PostgresTarget, database: string): string =>
  `database ${toPgPlace(connection)}/${database}`;
