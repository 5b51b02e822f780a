import type { BaseFacts } from '#common/contracts/base-facts.js';
import type {
  ArchiveSource,
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  RestoreOrder,
  RestoreQuestion,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import { ARCHIVE } from '#common/engines/postgres/dump/dump-by-hand.js';
import type { PgDumpMethod } from '#common/engines/postgres/dump/pg-dump.method.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import {
  describeOutlook,
  findLackOfSpace,
  findProspect,
  lookAhead,
  type RecoveryPlan,
} from '#common/engines/postgres/pitr/plan-recovery.js';
import { findRecoveryTools, recover } from '#common/engines/postgres/pitr/recover.js';
import { endStages, openStage, removeStage, sweepStages } from '#common/engines/postgres/pitr/stage.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { readTocOfFile } from '#common/engines/postgres/restore/parts/read-toc.js';
import type { PgRestoreDriver } from '#common/engines/postgres/restore/pg-restore.driver.js';
import { previewPlace } from '#common/engines/postgres/restore/preview/preview.js';
import { toRestoreName } from '#common/engines/postgres/restore/sessions.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { assertNotRefused } from '#common/errors/refusals.js';
import { dumpRecovered, type RecoveredDump } from './dump-recovered.js';

type Question = RestoreQuestion<PostgresTarget, BaseFacts>;
type Order = RestoreOrder<PostgresTarget, BaseFacts>;
type Work = RestoreWork<BesidePlan, PgSession>;

interface BesidePlan extends RecoveryPlan {
  /** Of the recovered cluster. */
  readonly database: string;
}

/**
 * Brings one database of a cluster back to a server that runs, as it was at a point in time: the cluster is recovered beside, the database dumped from
 * there, and the dump restored like any other. The server is not touched before the dump is whole.
 */
export class BesideDriver implements RestoreDriver<PostgresTarget, BaseFacts, BesidePlan, PgSession> {
  readonly recovers = true;
  readonly strategies: readonly string[];
  readonly findings: Readonly<Record<string, string>>;

  constructor(
    private readonly restore: PgRestoreDriver,
    private readonly dump: PgDumpMethod,
    readonly method: 'base' | 'incremental',
  ) {
    this.strategies = restore.strategies;
    this.findings = restore.findings;
  }

  assertParts(parts: readonly string[]): void {
    this.restore.assertParts(parts);
  }

  /** What the database holds at the point is known only when it is there: a second plan, of the dump, then refuses what it has to. */
  async plan(question: Question, signal: AbortSignal): Promise<BesidePlan> {
    const { target, destination, strategy } = question;
    const { outlook, problems } = await lookAhead(question, signal);
    const { exists, refusals } = await previewPlace(question, signal);
    const all = [...refusals, ...problems, ...(await findProblemsHere(question, outlook, signal))];
    const { database } = sourceOf(question).dataset.connection;
    return {
      ...{ ...outlook, target: target.name, destination, strategy, exists, database },
      refusals: all.map(toProblem),
    };
  }

  describe(plan: BesidePlan): Record<string, string> {
    return {
      database: `"${plan.destination}" of target ${plan.target}, ${plan.exists ? 'exists' : 'does not exist'}`,
      strategy: plan.strategy,
      from: `database "${plan.database}" of the recovered cluster`,
      ...describeOutlook(plan),
    };
  }

  async fence(order: Order, o: FenceOptions): Promise<PgSession> {
    const { target, destination, identity } = order;
    const lock = await this.restore.fence({ target, destination, identity }, o);
    const { recoveryDirectory: root } = target;
    if (root !== undefined) await endStages(root, { ...identity, attempt: identity.attempt - 1 });
    return lock;
  }

  isDone({ destination, identity }: Order, fence: PgSession, mark: string): Promise<boolean> {
    return this.restore.isDone({ destination, identity }, fence, mark);
  }

  discard(place: RestoredBy<PostgresTarget>, mark: string | null, signal: AbortSignal): Promise<void> {
    return this.restore.discard(place, mark, signal);
  }

  async apply(order: Order, work: Work, signal: AbortSignal): Promise<void> {
    const dumped = await this.recoverAndDump(order, work, signal);
    const { manifest, archive: _, ...same } = order;
    const { material, fence, remember, onProgress } = work;
    const { snapshot, tools, fileOf } = dumped;
    const copied = { ...same, manifest: { ...manifest, snapshot, tools } };
    const safety = order.strategy === 'in-place';
    const readToc = () => readTocOfFile(fileOf(ARCHIVE));
    const plan = await this.restore.plan({ ...copied, safety, readToc }, signal);
    assertNotRefused(plan.refusals, `target "${order.target.name}"`);
    await remember({ findings: this.restore.remarks(copied.manifest) });
    const files = { spool: async (name: string) => fileOf(name), safety: () => material.safety() };
    await this.restore.applyFiles(copied, { plan, fence, material: files, remember, onProgress }, signal);
  }

  remarks(): Findings {
    return {};
  }

  async end(target: PostgresTarget, identity: AttemptIdentity, signal: AbortSignal): Promise<void> {
    if (target.recoveryDirectory !== undefined) await endStages(target.recoveryDirectory, identity);
    await this.restore.end(target, identity, signal);
  }

  /** What is left on the server the driver of dumps sweeps. */
  async sweep({ recoveryDirectory: root }: PostgresTarget, stateOf: StateOf): Promise<Swept> {
    return root === undefined ? { ended: [], removed: [], failed: [] } : sweepStages(root, stateOf);
  }

  private async recoverAndDump(order: Order, work: Work, signal: AbortSignal): Promise<RecoveredDump> {
    const { target, identity } = order;
    const { material, remember, onProgress } = work;
    const { dataset: source, keyring } = sourceOf(order);
    const { facts, decision, opened } = await findProspect(order, signal);
    const stage = await openStage(target.recoveryDirectory ?? material.folder, identity);
    const onStage = (name: string): void => onProgress({ stage: name, bytes: 0, totalBytes: null });
    const { dataDirectory: directory, toTablespace } = stage;
    const { toolDirectories } = target;
    // A restore sorts anew, by whichever version of the locale library.
    const {
      seen,
      foreignCollations: _,
      ...recovered
    } = await recover(
      { ...decision, facts, directory, toTablespace },
      { material, archive: opened.archive, keyring, toolDirectories, onStage },
      {
        signal,
        use: async (server) => {
          onStage('dump');
          const connection = server.connectionTo(source.connection.database);
          const copy = { ...source, connection, toolDirectories };
          const { folder } = material;
          return dumpRecovered(copy, { method: this.dump, folder, applicationName: toRestoreName(identity), signal });
        },
      },
    );
    await remember({ recovered });
    await removeStage(stage);
    return seen;
  }
}

interface Source extends ArchiveSource {
  readonly dataset: PostgresDataset;
}

/** Which database of the cluster is meant, the dataset says as it is configured today. */
function sourceOf({ archive }: Pick<Question, 'archive'>): Source {
  if (archive === undefined) throw new AppError('internal.bug', 'a restore of a base backup has no archive');
  return { ...archive, dataset: archive.dataset as PostgresDataset };
}

async function findProblemsHere(
  { target, manifest }: Question,
  outlook: Parameters<typeof findLackOfSpace>[1],
  signal: AbortSignal,
): Promise<AppError[]> {
  const { recoveryDirectory: root, toolDirectories, name } = target;
  const problems: AppError[] = [];
  if (root === undefined && process.getuid?.() === 0) {
    const hint = 'Set `recoveryDirectory` of the target to a folder of the user that PostgreSQL runs as.';
    const message = `target "${name}" names no directory to recover a cluster in, and PostgreSQL does not run as root`;
    problems.push(new AppError('recovery.directory', message, {}, { hint }));
  }
  if (root !== undefined) problems.push(...(await findLackOfSpace(root, outlook)));
  await findRecoveryTools(manifest.snapshot, { toolDirectories }, signal).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    problems.push(error);
  });
  return problems;
}
