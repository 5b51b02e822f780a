import type { RestorePlan } from '#common/engines/engine.js';

/** An object outside the backup that depends on one inside it: PostgreSQL will refuse the DROP. */
export interface RestoreBlocker {
  readonly object: string;
  readonly dependent: string;
}

/** A role of the server that the backup knows as a member of another one, and that is not one there. */
export interface MissingMembership {
  readonly member: string;
  readonly role: string;
}

/** What a restore of a dump would do. */
export interface PostgresRestorePlan extends RestorePlan {
  /** Identities of the chosen tables; empty: the whole backup comes back. */
  readonly chosen: readonly string[];
  /** What is not restored with them, for it needs a table that was not chosen. */
  readonly leftOutOfParts: readonly string[];
  /** Objects of the database that the backup holds too: dropped and created again. */
  readonly overwritten: readonly string[];
  /** Objects of the backup that the database lacks. */
  readonly created: readonly string[];
  /** Objects of the database that the backup does not know and that go away with one that is overwritten: a later partition, say. */
  readonly dropped: readonly string[];
  /** Objects of the database that the backup does not know: left as they are. */
  readonly newer: readonly string[];
  /** swap: objects of the database that the backup does not know; they stay in the one that is put aside. */
  readonly putAside: readonly string[];
  readonly blockers: readonly RestoreBlocker[];
  /** Objects of the backup that no restore creates: subscriptions. */
  readonly leftOut: readonly string[];
  /** Roles that the backup refers to and the server lacks. */
  readonly missingRoles: readonly string[];
  readonly missingMemberships: readonly MissingMembership[];
  readonly missingExtensions: readonly string[];
  /** Empty also where the server has none but its own: everything goes there then. */
  readonly missingTablespaces: readonly string[];
  /** Locale providers, locales and collations that the backup needs and the server lacks, each a sentence. */
  readonly missingLocales: readonly string[];
  /** in-place: by what the database compares and sorts otherwise than the one that was backed up, each a sentence. */
  readonly otherLocale: readonly string[];
  /** What the target's role may not do and would have to, each a sentence. */
  readonly missingRights: readonly string[];
  /** Client tools of this machine that would do it: program → version as it prints itself. Empty: none fits. */
  readonly tools: Readonly<Record<string, string>>;
  /** Other sessions in the database; in-place waits for their locks. */
  readonly sessions: number;
}
