import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoreOrder,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import type { Material } from '#common/engines/material.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { dropByOid, dropScratches, findDatabaseOid } from './database.js';
import { lockDatabase } from './lock.js';
import { findSelection } from './parts/open-selection.js';
import { parsePart } from './parts/part-name.js';
import { readTocOfFile } from './parts/read-toc.js';
import { toNarrowed } from './parts/select-parts.js';
import { withheldSettings } from './preparation/settings.js';
import { describePlan } from './preview/describe-plan.js';
import { subscriptionsOf } from './preview/left-out.js';
import type { PostgresRestorePlan } from './preview/plan.js';
import { type PreviewQuestion, previewRestore } from './preview/preview.js';
import { findRestoreTools } from './preview/tools.js';
import { bringRoles, readMissingRoles } from './roles/bring-roles.js';
import { toWithheldRights } from './roles/globals.js';
import { spoolArchive } from './spool-archive.js';
import { intoExisting, intoNew } from './strategies.js';
import { bySwap } from './swap/by-swap.js';
import { endRestore } from './sweep/end-restore.js';
import { sweepServer } from './sweep/sweep-server.js';

type Order = RestoreOrder<PostgresTarget, SnapshotFacts>;
type Place = Pick<Order, 'target' | 'destination' | 'identity'>;

const BY_STRATEGY = { new: intoNew, 'in-place': intoExisting, swap: bySwap } as const;

/** Of the material a dump needs its files. */
interface Work extends Omit<RestoreWork<PostgresRestorePlan, PgSession>, 'material'> {
  readonly material: Pick<Material, 'spool' | 'safety'>;
}

/**
 * Brings dumps back into one database: `new` under a name of its own that is renamed when it is whole, `in-place` in one transaction, `swap` beside what is
 * there and then in its place. The fence is a session that holds an advisory lock of the server.
 */
export class PgRestoreDriver implements RestoreDriver<PostgresTarget, SnapshotFacts, PostgresRestorePlan, PgSession> {
  readonly method = 'dump';
  readonly strategies = Object.keys(BY_STRATEGY);
  readonly findings = {
    createdRoles: 'roles created without LOGIN',
    withheldRights: 'rights to give back by hand',
    withheldSettings: 'settings to set by hand, for they hold secrets',
    leftOut: 'left out, make them again by hand',
    newerObjects: 'left as they were, newer than the backup',
    leftOutOfParts: 'left out, for it needs what was not chosen',
    droppedObjects: 'not in the backup, and gone with an object that is',
    keptDatabases: 'what was there is kept until `holdfast kept release`, under the name',
    harmlessErrors: 'complaints known to be harmless',
  };
  readonly describe = describePlan;

  constructor(private readonly tools: PgTools) {}

  assertParts(parts: readonly string[]): void {
    for (const part of parts) parsePart(part);
  }

  /** Throws: request.invalid, postgres.*; of parts repository.* as well. */
  plan(question: PreviewQuestion, signal: AbortSignal): Promise<PostgresRestorePlan> {
    return previewRestore(question, this.tools, signal);
  }

  fence({ target, destination, identity }: Place, o: FenceOptions): Promise<PgSession> {
    return lockDatabase(target, destination, identity, o);
  }

  async isDone(
    { destination, identity }: Omit<Place, 'target'>,
    fence: PgSession,
    databaseOid: string,
  ): Promise<boolean> {
    if (databaseOid !== (await findDatabaseOid(fence, destination))) return false;
    await dropScratches(fence, identity);
    return true;
  }

  async discard({ target, destination }: Place, databaseOid: string | null, signal: AbortSignal): Promise<void> {
    if (databaseOid !== null) await dropByOid(target, { database: destination, oid: databaseOid }, signal);
  }

  apply(order: Order, work: RestoreWork<PostgresRestorePlan, PgSession>, signal: AbortSignal): Promise<void> {
    return this.applyFiles(order, work, signal);
  }

  /**
   * In this order: every object's digest, what is going to be done written down, safety dump, roles, and only then the first statement
   * that destroys anything. Throws: restore.*, backup.corrupt, postgres.*, engine.*; the abort reason.
   */
  async applyFiles(asked: Order, work: Work, signal: AbortSignal): Promise<void> {
    const { target, strategy } = asked;
    const { plan, fence: lock, material, remember, onProgress } = work;
    const { serverMajor } = lock;
    const tools = await findRestoreTools({ manifest: asked.manifest, target, serverMajor }, this.tools, signal);
    const archive = await spoolArchive(asked, material);
    const roles = await readMissingRoles(plan, material, lock);
    const readToc = () => readTocOfFile(archive);
    const selection = await findSelection(asked, { exists: plan.exists, readToc, signal });
    const order = toNarrowed(asked, selection);
    const { manifest } = order;
    await remember({
      findings: {
        createdRoles: plan.missingRoles,
        droppedObjects: plan.dropped,
        newerObjects: plan.newer,
        leftOutOfParts: plan.leftOutOfParts,
        withheldRights: toWithheldRights(roles),
      },
    });
    if (strategy === 'in-place') await material.safety();
    await bringRoles(roles, manifest, lock);
    const restore = BY_STRATEGY[strategy as keyof typeof BY_STRATEGY];
    await restore(order, { archive, lock, remember, tools, onProgress, selection }, signal);
  }

  remarks({ snapshot }: PostgresManifest): Findings {
    return { withheldSettings: withheldSettings(snapshot), leftOut: subscriptionsOf(snapshot) };
  }

  end(target: PostgresTarget, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
    return endRestore(target, identity, signal);
  }

  sweep(target: PostgresTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    return sweepServer(target, { stateOf }, signal);
  }
}
