import type { Sql } from '#common/pg/sql.js';

/** What the role of a target may not do and would have to, as a sentence, and what an operator does about it. */
export interface MissingRight {
  readonly message: string;
  readonly hint: string;
}

export const toGrantable = (message: string): MissingRight => ({
  message,
  hint: 'Grant what is named to the role in the `url` of the target, or name a superuser there.',
});

/** For what no grant helps. */
export const toSuperuserRight = (message: string): MissingRight => ({
  message,
  hint: 'Name a superuser in the `url` of the target.',
});

export const toMendable = (message: string, statement: Sql): MissingRight => ({
  message,
  hint: `Run \`${statement.text}\` on the target as a superuser, or name a superuser in its \`url\`.`,
});
