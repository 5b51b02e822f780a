import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { RestoreOrder, RestoreWork } from '#common/engines/engine.js';
import type { Remember } from '#common/engines/findings.js';
import { type PgSession, type PgSessionOptions, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { findTableLocks, toLockContext, toLockText } from '#common/engines/postgres/table-locks.js';
import { AppError } from '#common/errors/app-error.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import {
  analyze,
  type BuiltScratch,
  createScratch,
  dropOwnScratch,
  findDatabaseOid,
  publishScratches,
  type ScratchIdentity,
  toScratchName,
} from './database.js';
import { restoreInPlace } from './in-place.js';
import type { Selection } from './parts/select-parts.js';
import { databaseStatements, prepareEmpty, prepareInUse, prepareParts } from './preparation/preparation.js';
import { hasRefusedRows } from './program/failure.js';
import { fillDatabase, fillInOrder } from './program/pg-restore.js';
import { toRestoreName } from './sessions.js';

/** Everything that the filling of a database needs, checked before. */
export interface RestoreMaterial {
  readonly archive: string;
  readonly lock: PgSession;
  readonly tools: PgToolset;
  readonly remember: Remember;
  readonly onProgress: RestoreWork['onProgress'];
  /** Of a restore of chosen tables; the order's manifest is narrowed to them. */
  readonly selection?: Selection | undefined;
}

/** What fills a database that is named later. */
export type BuildMaterial = Omit<RestoreMaterial, 'remember'>;

/** Of one dump; an attempt that restores several names its parts. */
export interface Order extends RestoreOrder<PostgresTarget, SnapshotFacts> {
  readonly identity: ScratchIdentity;
}

/** Restores beside, under a name of its own, and renames at the end. */
export async function intoNew(order: Order, material: RestoreMaterial, signal: AbortSignal): Promise<void> {
  await tidied(order, material.lock, signal, async () => {
    const built = await buildScratch(order, material, signal);
    // The number stays when the name changes: by it a later attempt knows the database that this one finished and could not tell of.
    await material.remember({ findings: { harmlessErrors: built.complaints }, doneMark: built.oid });
    await publishScratches(material.lock, [built]);
  });
}

/** Drops what the attempt has under construction when the work on it fails. */
export async function tidied<T>(
  { target, identity }: Pick<Order, 'target' | 'identity'>,
  lock: PgSession,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await dropOwnScratch(target, identity).catch(() => undefined);
    // A server that went away is the cause of whatever its clients complained about.
    if (!signal.aborted) await lock.query('SELECT');
    throw signal.aborted ? signal.reason : error;
  }
}

/** Makes the database whole under the name of the attempt. It exists, for everybody else, when it is published. */
export async function buildScratch(order: Order, material: BuildMaterial, signal: AbortSignal): Promise<BuiltScratch> {
  const { manifest, target, identity, destination: database } = order;
  const { snapshot } = manifest;
  const { lock } = material;
  const scratch = toScratchName(identity);
  const harmless = await fillScratch(order, { material, fill: fillDatabase }, signal).catch((error) => {
    if (!hasRefusedRows(error)) throw error;
    return fillScratch(order, { material, fill: fillInOrder }, signal);
  });
  const complaints = [...harmless, ...(await analyzed({ target, identity, database: scratch }, material, signal))];
  const statements = await databaseStatements(lock, snapshot, target, scratch);
  return { scratch, database, statements, complaints, oid: await findDatabaseOid(lock, scratch) };
}

/** Makes the scratch database, without anything of an earlier try, and fills it. */
async function fillScratch(
  { manifest, target, identity }: Order,
  { material, fill }: { readonly material: BuildMaterial; readonly fill: typeof fillDatabase },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { snapshot } = manifest;
  const { lock, archive, tools, selection } = material;
  const scratch = await createScratch(lock, snapshot, target, identity);
  const preparation = await prepare(scratch, { snapshot, target, identity }, signal);
  const { serverMajor } = lock;
  const into = { database: scratch, identity, serverMajor, entries: selection?.entries };
  const filling = fill({ ...preparation, ...into, tools, archive }, target, signal);
  return whileCounting(material, scratch, filling);
}

interface Scratch {
  readonly snapshot: SnapshotFacts;
  readonly target: PostgresTarget;
  readonly identity: ScratchIdentity;
}

function prepare(database: string, { snapshot, target, identity }: Scratch, signal: AbortSignal) {
  const connection = withDatabase(target.connection, database);
  return withPgSession(connection, { signal, applicationName: toRestoreName(identity) }, async (session) => {
    const preparation = await prepareEmpty(session, snapshot, target);
    for (const statement of preparation.statements) await session.query(statement);
    return preparation;
  });
}

/** Replaces what is there, in one transaction. */
export async function intoExisting(
  { manifest, target, identity, destination: database }: Order,
  material: RestoreMaterial,
  signal: AbortSignal,
): Promise<void> {
  const connection = withDatabase(target.connection, database);
  const options = { signal, applicationName: toRestoreName(identity) };
  const preparation = await withPgSession(connection, options, (session) =>
    (material.selection === undefined ? prepareInUse : prepareParts)(session, manifest.snapshot, target),
  );
  const { lock, selection } = material;
  const { serverMajor } = lock;
  const { lockTimeoutMs } = target;
  const into = { database, identity, serverMajor, lockTimeoutMs, entries: selection?.entries };
  const request = { ...material, ...preparation, ...into };
  const restoring = restoreInPlace(request, target, signal).catch(async (error) => {
    const { doomed } = preparation;
    throw isLockTimeout(error) ? await toHolderError(error, connection, { doomed, options }) : error;
  });
  await whileCounting(material, database, restoring);
  const harmlessErrors = await analyzed({ target, identity, database }, material, signal);
  if (harmlessErrors.length > 0) await material.remember({ findings: { harmlessErrors } });
}

const isLockTimeout = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'postgres.locked';

/** Who is in the way is known only now: the operator's next question. */
async function toHolderError(error: AppError, database: PgConnection, o: HolderQuestion): Promise<AppError> {
  const question = { relations: o.doomed, exclusiveOnly: false, except: [] };
  const locks = await withPgSession(database, o.options, (session) => findTableLocks(session, question)).catch(
    () => [],
  );
  const who = toLockText(locks) || 'no session holds any of its relations any more';
  return new AppError(
    'postgres.locked',
    `${error.message}; ${who}`,
    { ...error.context, ...toLockContext(locks) },
    { cause: error },
  );
}

interface HolderQuestion {
  readonly doomed: readonly string[];
  readonly options: PgSessionOptions;
}

/** The data is whole by now: statistics that cannot be gathered are a finding, and fail nothing. */
async function analyzed(
  { target, identity, database }: Pick<Order, 'target' | 'identity'> & { readonly database: string },
  { onProgress }: BuildMaterial,
  signal: AbortSignal,
): Promise<string[]> {
  onProgress({ stage: 'analyze', bytes: 0, totalBytes: null });
  try {
    await analyze(target.connection, database, identity, signal);
    return [];
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return [`ANALYZE failed: ${(error as Error).message}`];
  }
}

const COUNT_EVERY_MS = 1_000;

/** How much the database grew is the honest measure; how large it will be is unknown. */
async function whileCounting<T>({ lock, onProgress }: BuildMaterial, database: string, work: Promise<T>): Promise<T> {
  let before: number | undefined;
  const count = async (): Promise<void> => {
    const { bytes } = await lock.queryOne<{ bytes: string }>('SELECT pg_database_size($1::name) AS bytes', [database]);
    before ??= Number(bytes);
    onProgress({ stage: 'restore', bytes: Math.max(0, Number(bytes) - before), totalBytes: null });
  };
  count().catch(() => undefined);
  const timer = setInterval(() => count().catch(() => undefined), COUNT_EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
