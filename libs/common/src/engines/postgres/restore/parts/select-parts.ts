import type { ObjectFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { ArchiveToc, TocEntry } from '#common/engines/postgres/archive-toc.js';
import { packDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { splitQualifiedName } from '#common/engines/postgres/probes/qualified-name.js';
import { findDefaultPrivileges } from '#common/engines/postgres/restore/preparation/default-privileges.js';
import { AppError } from '#common/errors/app-error.js';
import { toShortList } from '#common/errors/printable.js';
import { type Choice, chooseEntries, type Surroundings, type UnmetNeed } from './choose-entries.js';
import { type PartName, parsePart } from './part-name.js';
import { findPresent } from './presence.js';

/** What of a dump comes back, decided against what the target holds. */
export interface Selection {
  /** Ids of the entries of the archive. */
  readonly entries: ReadonlySet<number>;
  /** The facts of the backup, as if it held nothing else. */
  readonly facts: SnapshotFacts;
  /** Identities of the chosen tables. */
  readonly tables: readonly string[];
  /** Each a sentence. */
  readonly leftOut: readonly string[];
  /** Tables of the database, not chosen, whose foreign keys to chosen ones are made again. */
  readonly inbound: ReadonlySet<string>;
  readonly refusals: readonly AppError[];
}

export interface SelectionQuestion {
  readonly facts: SnapshotFacts;
  readonly toc: ArchiveToc;
  readonly parts: readonly string[];
  readonly backupId: string;
  /** Of the database that the parts go into; undefined: they get one of their own. */
  readonly session: PgSession | undefined;
  readonly privileges: 'keep' | 'drop';
}

/** Throws: request.invalid for parts of which the backup holds nothing; postgres.*. */
export async function selectParts(question: SelectionQuestion): Promise<Selection> {
  const { facts, toc, parts, backupId, session } = question;
  const present = session === undefined ? new Set<number>() : await findPresent(session, toc.entries);
  const around: Surroundings = { isInUse: session !== undefined, has: ({ id }) => present.has(id) };
  const choice = chooseEntries(toc.entries, parts.map(parsePart), around);
  assertFound(choice.absent, backupId);
  const narrow = session === undefined ? narrowToNew : narrowToUsed;
  const tables = identitiesOf(facts, choice.tables);
  return {
    entries: new Set(choice.entries.map(({ id }) => id)),
    facts: narrow(facts, choice),
    tables: [...tables],
    leftOut: choice.leftOut.map(({ entry, needed }) => `${toText(entry)}, which needs ${toText(needed)}`),
    inbound: inboundOf(toc, choice),
    refusals: [...choice.unmet.map(toRefusal), ...(await findWidened(question, choice))],
  };
}

/** The same restore of a backup that holds nothing but the chosen tables. */
export const toNarrowed = <Q extends { readonly manifest: PostgresManifest }>(whole: Q, selection?: Selection): Q =>
  selection === undefined ? whole : { ...whole, manifest: { ...whole.manifest, snapshot: selection.facts } };

function assertFound(absent: readonly PartName[], backupId: string): void {
  if (absent.length === 0) return;
  const names = absent.map(
    ({ schema, table }) => `${JSON.stringify(schema)}.${table === null ? '*' : JSON.stringify(table)}`,
  );
  const hint =
    'Write `schema.table` or `schema.*`, names with capitals in double quotes; `holdfast backup show <id>` lists the tables of a backup.';
  throw new AppError('request.invalid', `backup ${backupId} holds no table ${toShortList(names)}`, {}, { hint });
}

function toRefusal({ entry, needed }: UnmetNeed): AppError {
  const message = `${toText(entry)} needs ${toText(needed)}, which is neither chosen nor in the database`;
  const hint =
    'Name the table that is needed as one of the parts as well, or restore what is needed first; `holdfast restore plan` shows what would come back.';
  return new AppError('restore.blocked', message, {}, { hint });
}

/** What ALTER DEFAULT PRIVILEGES gives away would come on top of the privileges of the backup. */
async function findWidened({ session, privileges }: SelectionQuestion, { tables }: Choice): Promise<AppError[]> {
  if (session === undefined || privileges === 'drop') return [];
  const schemas = await findDefaultPrivileges(session, [...new Set(tables.map(({ schema }) => schema))]);
  const { user } = session.connection;
  const hint =
    'Name a role without default privileges in the `url` of the target, or restore the tables with --strategy new to a database of their own.';
  return schemas.map((schema) => {
    const message = `default privileges of role ${user} would be added to the tables in schema ${JSON.stringify(schema)}`;
    return new AppError('restore.blocked', message, {}, { hint });
  });
}

const toText = ({ kind, schema, tag }: TocEntry): string =>
  `${kind.toLowerCase()} ${JSON.stringify(schema === '' ? tag : `${schema}.${tag}`)}`;

/** Of a name in the facts, which is quoted where PostgreSQL needs that. */
function keyOf(identity: string): string {
  const { schema, name } = splitQualifiedName(identity);
  return toKey(schema, name);
}
const toKey = (schema: string, name: string): string => JSON.stringify([schema, name]);

function identitiesOf({ objects }: SnapshotFacts, entries: readonly TocEntry[]): ReadonlySet<string> {
  const keys = new Set(entries.map(({ schema, tag }) => toKey(schema, tag)));
  const isTable = ({ kind }: ObjectFacts): boolean => kind === 'table' || kind === 'foreign-table';
  return new Set(
    objects.filter((each) => isTable(each) && keys.has(keyOf(each.identity))).map(({ identity }) => identity),
  );
}

/** By the table in front of the constraint's name. */
function inboundOf({ entries }: ArchiveToc, choice: Choice): ReadonlySet<string> {
  const chosen = new Set(choice.tables.map(({ id }) => id));
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const keys = choice.entries.filter(({ kind }) => kind === 'FK CONSTRAINT');
  const owners = keys.flatMap(({ needs }) =>
    needs.flatMap((id) => byId.get(id) ?? []).filter(({ id, kind }) => kind === 'TABLE' && !chosen.has(id)),
  );
  return new Set(owners.map(({ schema, tag }) => toKey(schema, tag)));
}

/** Whether a dependent, as PostgreSQL names it, is a table whose foreign key the selection makes again. */
export const isInbound = ({ inbound }: Pick<Selection, 'inbound'>, identity: string): boolean =>
  inbound.has(keyOf(identity));

/** A database of their own is like the one that was backed up, and has the roles and extensions that any of its objects could need. */
function narrowToNew(facts: SnapshotFacts, { entries }: Choice): SnapshotFacts {
  const isChosen = toIsChosen(entries);
  const objects = facts.objects.filter((object) => object.kind === 'schema' || isChosen(object));
  return { ...facts, ...narrowTables(facts, entries), objects, definitions: packDefinitions([]) };
}

/** Beside other data: what is the database's own stays as it is. */
function narrowToUsed(facts: SnapshotFacts, { entries }: Choice): SnapshotFacts {
  const narrowed = narrowTables(facts, entries);
  const objects = facts.objects.filter(toIsChosen(entries));
  const named = new Set([
    ...objects.flatMap(({ owner, privileges }) => [owner, ...privileges.map(toGrantee)]),
    ...narrowed.tables.flatMap(({ rls }) => rls.policies.flatMap(({ roles }) => roles)),
  ]);
  return {
    ...{ ...facts, ...narrowed, objects, roles: facts.roles.filter((role) => named.has(role)) },
    ...{ extensions: [], collations: [], tablespaces: [], settings: [], definitions: packDefinitions([]) },
  };
}

function narrowTables(
  facts: SnapshotFacts,
  entries: readonly TocEntry[],
): Pick<SnapshotFacts, 'tables' | 'sequences' | 'largeObjects'> {
  const keys = new Set(entries.map(({ schema, tag }) => toKey(schema, tag)));
  return {
    tables: facts.tables.filter(({ name }) => keys.has(keyOf(name))),
    sequences: facts.sequences.filter(({ name }) => keys.has(keyOf(name))),
    largeObjects: [],
  };
}

const toGrantee = (privilege: string): string => /^(.*)=[A-Z ]+(?:\([^)]*\))?\*?\//s.exec(privilege)?.[1] ?? '';

const KINDS: Readonly<Record<string, ObjectFacts['kind']>> = {
  TABLE: 'table',
  'FOREIGN TABLE': 'foreign-table',
  SEQUENCE: 'sequence',
  INDEX: 'index',
  TYPE: 'type',
  DOMAIN: 'type',
};

function toIsChosen(entries: readonly TocEntry[]): (object: ObjectFacts) => boolean {
  const keys = new Set(entries.map(({ kind, schema, tag }) => `${KINDS[kind] ?? ''} ${toKey(schema, tag)}`));
  return ({ kind, identity }) => keys.has(`${kind} ${keyOf(identity)}`);
}
