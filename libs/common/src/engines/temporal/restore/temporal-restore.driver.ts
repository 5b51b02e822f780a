import type { OpenManifest } from '#common/contracts/manifest.js';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  RestoreOrder,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import {
  type BuiltScratch,
  dropByOid,
  dropScratches,
  findDatabaseOid,
  publishScratches,
  type ScratchIdentity,
  toScratchName,
} from '#common/engines/postgres/restore/database.js';
import { withheldSettings } from '#common/engines/postgres/restore/preparation/settings.js';
import { subscriptionsOf } from '#common/engines/postgres/restore/preview/left-out.js';
import { findRestoreTools } from '#common/engines/postgres/restore/preview/tools.js';
import { bringRoles, readMissingRoles } from '#common/engines/postgres/restore/roles/bring-roles.js';
import { toWithheldRights } from '#common/engines/postgres/restore/roles/globals.js';
import { toRestoreName } from '#common/engines/postgres/restore/sessions.js';
import { buildScratch, type Order as StoreOrder, tidied } from '#common/engines/postgres/restore/strategies.js';
import { endRestore } from '#common/engines/postgres/restore/sweep/end-restore.js';
import { sweepServer } from '#common/engines/postgres/restore/sweep/sweep-server.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import {
  databasesOf,
  type PerStore,
  perStore,
  prefixOf,
  type StoreName,
  type TemporalTarget,
} from '#common/engines/temporal/temporal-dataset.js';
import { withDatabase } from '#common/pg/connection.js';
import { describePlan, manifestOf, previewStores, type Question, type TemporalRestorePlan } from './plan.js';
import { TemporalFence } from './temporal-fence.js';

type Order = RestoreOrder<TemporalTarget, TemporalFacts>;
type Work = RestoreWork<TemporalRestorePlan, TemporalFence>;

/**
 * Brings both databases back together: each is built under a name of its own, and one transaction gives them their names. `replace` moves what is
 * there away in the same transaction and drops it afterwards.
 */
export class TemporalRestoreDriver
  implements RestoreDriver<TemporalTarget, TemporalFacts, TemporalRestorePlan, TemporalFence>
{
  readonly method = 'dump';
  readonly strategies = ['new', 'replace'];
  readonly findings = {
    createdRoles: 'roles created without LOGIN',
    withheldRights: 'rights to give back by hand',
    withheldSettings: 'settings to set by hand, for they hold secrets',
    leftOut: 'left out, make them again by hand',
    harmlessErrors: 'complaints known to be harmless',
  };
  readonly describe = describePlan;

  constructor(private readonly tools: PgTools) {}

  /** Throws: postgres.*. */
  plan(question: Question, signal: AbortSignal): Promise<TemporalRestorePlan> {
    return previewStores(question, this.tools, signal);
  }

  fence(order: Order, o: FenceOptions): Promise<TemporalFence> {
    return TemporalFence.open(order, o);
  }

  async isDone({ target, destination, identity }: Order, { locks }: TemporalFence, doneMark: string): Promise<boolean> {
    const names = databasesOf(target, destination);
    const there = await perStore((store) => findDatabaseOid(locks.main, names[store]));
    if (toDoneMark(there) !== doneMark) return false;
    await dropScratches(locks.main, identity);
    return true;
  }

  async discard({ target, destination }: RestoredBy<TemporalTarget>, doneMark: string | null, signal: AbortSignal) {
    const names = databasesOf(target, destination);
    const oids = JSON.parse(doneMark ?? '[]') as (string | null)[];
    for (const [index, store] of (['main', 'visibility'] as const).entries()) {
      const oid = oids[index];
      if (oid) await dropByOid(target.server, { database: names[store], oid }, signal);
    }
  }

  /**
   * In this order: every object's digest, what is going to be done written down, safety backup, roles, both databases beside, and then their
   * names. Throws: restore.*, backup.corrupt, postgres.*, engine.*; the abort reason.
   */
  async apply(order: Order, work: Work, signal: AbortSignal): Promise<void> {
    const { manifest, strategy } = order;
    const { material, remember } = work;
    const { main: lock } = work.fence.locks;
    const archives = await perStore((store) => material.spool(`${prefixOf(store)}database.dump`));
    const roles = await this.readRoles(work);
    const missing = [...roles.main, ...roles.visibility];
    const createdRoles = missing.map(({ name }) => name);
    await remember({ findings: { createdRoles, withheldRights: toWithheldRights(missing) } });
    if (strategy === 'replace') await material.safety();
    await perStore((store) => bringRoles(roles[store], manifestOf(manifest, store), lock));
    const orders = { main: toOrder(order, 'main'), visibility: toOrder(order, 'visibility') };
    await tidied(orders.main, lock, signal, () =>
      tidied(orders.visibility, lock, signal, async () => {
        const build = (store: StoreName) =>
          this.build(orders[store], work, { archive: archives[store], store }, signal);
        const visibility = await build('visibility');
        const built = { visibility, main: await build('main') };
        await publish(order, work, built);
      }),
    );
    await dropScratches(lock, order.identity);
  }

  remarks({ snapshot }: OpenManifest<TemporalFacts>): Findings {
    const both = [snapshot.main, snapshot.visibility];
    return { withheldSettings: both.flatMap(withheldSettings), leftOut: both.flatMap(subscriptionsOf) };
  }

  end({ server }: TemporalTarget, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
    return endRestore(server, identity, signal);
  }

  sweep({ server }: TemporalTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    return sweepServer(server, { stateOf }, signal);
  }

  /** A role that both databases refer to is described once. */
  private async readRoles({ plan, material, fence }: Work) {
    const { main, visibility } = plan.stores;
    const others = visibility.missingRoles.filter((role) => !main.missingRoles.includes(role));
    const missing = { main: main.missingRoles, visibility: others };
    return perStore((store) =>
      readMissingRoles(
        { missingRoles: missing[store] },
        { spool: (name) => material.spool(prefixOf(store) + name) },
        fence.locks.main,
      ),
    );
  }

  private async build(
    order: StoreOrder,
    { fence, onProgress }: Work,
    { archive, store }: { readonly archive: string; readonly store: StoreName },
    signal: AbortSignal,
  ): Promise<BuiltScratch> {
    const { manifest, target, identity, destination } = order;
    const { main: lock } = fence.locks;
    const tools = await findRestoreTools({ manifest, target, serverMajor: lock.serverMajor }, this.tools, signal);
    const built = await buildScratch(
      order,
      {
        archive,
        lock,
        tools,
        onProgress: ({ stage, ...progress }) => onProgress({ stage: `${store} ${stage}`, ...progress }),
      },
      signal,
    );
    const scratch = withDatabase(target.connection, built.scratch);
    await withPgSession(scratch, { signal, applicationName: toRestoreName(identity) }, (session) =>
      renameInside(session, manifest.snapshot.database, destination),
    );
    return built;
  }
}

/** Temporal looks its schema version up by the name of the database, and does not start where that name has none. */
async function renameInside(session: PgSession, from: string, to: string): Promise<void> {
  await session.query(
    `UPDATE schema_version SET db_name = $2
     WHERE db_name = $1 AND NOT EXISTS (SELECT FROM schema_version other WHERE other.db_name = $2)`,
    [from, to],
  );
}

const toPart = (identity: AttemptIdentity, part: string): ScratchIdentity => ({ ...identity, part });

const toOrder = ({ manifest, target, destination, identity, strategy }: Order, store: StoreName): StoreOrder => ({
  manifest: manifestOf(manifest, store),
  target: target.server,
  destination: databasesOf(target, destination)[store],
  identity: toPart(identity, store),
  strategy,
});

async function publish(
  { identity, strategy }: Order,
  { fence, remember }: Work,
  built: PerStore<BuiltScratch>,
): Promise<void> {
  const aside = (store: StoreName): string | undefined =>
    strategy === 'replace' ? toScratchName(toPart(identity, `old${store}`)) : undefined;
  const { main, visibility } = built;
  // The numbers stay when the names change: by them a later attempt knows the databases that this one finished and could not tell of.
  const doneMark = toDoneMark({ main: main.oid, visibility: visibility.oid });
  await remember({ findings: { harmlessErrors: [...main.complaints, ...visibility.complaints] }, doneMark });
  await publishScratches(fence.locks.main, [
    { ...visibility, aside: aside('visibility') },
    { ...main, aside: aside('main') },
  ]);
}

const toDoneMark = ({ main, visibility }: PerStore<string | null>): string => JSON.stringify([main, visibility]);
