import type { PgConnection } from '#common/pg/connection.js';
import { fillIn } from '#common/testing/damages/damage-bed.js';
import type { SeededDamage } from '#common/testing/damages/seeded-damage.js';
import { execute } from '#common/testing/restored-shop.js';

/** One restored database, with the roles of its shop by name. */
export interface DamagedDatabase {
  readonly database: PgConnection;
  readonly names: Readonly<Record<string, string>>;
}

/** A damage by statements, and what takes back what it did beyond its database. In them `{app}`, `{owner}`, `{reader}` and `{database}` stand for names. */
export interface StatementDamage {
  readonly name: string;
  readonly use: string;
  readonly does: string | readonly string[];
  readonly undo?: string | readonly string[];
  readonly found: string;
}

/** `undo` too is said in the database that was damaged. */
export const byStatements = ({ does, undo, ...damage }: StatementDamage): SeededDamage<DamagedDatabase> => ({
  ...damage,
  does: (place) => say(place, does),
  ...(undo === undefined ? {} : { undo: (place: DamagedDatabase) => say(place, undo) }),
});

const say = ({ database, names }: DamagedDatabase, statements: string | readonly string[]): Promise<void> =>
  execute(
    database,
    [statements].flat().map((statement) => fillIn(statement, names)),
  );
