import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BaseFacts } from '#common/contracts/base-facts.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { RestorePlan, TargetKind } from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import type { DirectoryTarget } from '#common/engines/postgres/directory/directory-target.js';
import { whileRunning } from '#common/engines/postgres/directory/handed-over.js';
import { postgresDirectory } from '#common/engines/postgres/directory/postgres-directory.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { toSocket } from '#common/engines/postgres/pitr/scratch-server.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { openBackup } from '#common/operations/open-backup.js';
import {
  type RestoreDeps,
  type RestoreOutcome,
  restoreBackup,
  type SealedRestoreOrder,
} from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { withDatabase } from '#common/pg/connection.js';
import { BackupTestBed } from './backup-test-bed.js';
import { fixtureProgram } from './fixture-program.js';
import { type Committed, RowWriter } from './row-writer.js';
import { RunningArchiver } from './running-archiver.js';
import { type ClusterOptions, ThrowawayCluster } from './throwaway-cluster.js';

const { signal } = new AbortController();

/** A cluster whose WAL is archived, a repository, and a folder into which the cluster is recovered. */
export class RecoveryBed {
  readonly writer = new RowWriter();
  private readonly archiver: RunningArchiver;

  private constructor(
    readonly cluster: ThrowawayCluster,
    readonly backups: BackupTestBed,
    readonly root: string,
  ) {
    this.archiver = new RunningArchiver(cluster, backups.repository);
  }

  static async create(o: ClusterOptions = {}): Promise<RecoveryBed> {
    const cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, ...o });
    await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
    const root = await cluster.createFolder('recovered');
    return new RecoveryBed(cluster, await BackupTestBed.create(), root);
  }

  base(method: 'base' | 'incremental' = 'base', until: AbortSignal = signal): Promise<Manifest> {
    const attempt = this.backups.attempt(this.cluster.dataset(), { method });
    return takeBackup(attempt, this.backups.depsOf(postgres), until);
  }

  /** Some twenty, one after another, until all of them are archived, and the archive says so. */
  async writeRows(): Promise<void> {
    this.writer.begin(this.cluster);
    await this.cluster.until('(SELECT count(*) > 20 FROM numbers)');
    await this.writer.stop();
    await this.archiver.until(await this.cluster.lsn());
    await this.archiver.untilComplete();
  }

  committed(index: number): Committed {
    const found = this.writer.committed[index];
    if (found === undefined) throw new Error(`there is no row ${index}`);
    return found;
  }

  target(changes: Partial<DirectoryTarget> = {}): DirectoryTarget {
    const toolDirectories = [this.cluster.binDir];
    return { name: 'recovered', root: this.root, leave: 'stopped', toolDirectories, ...changes };
  }

  order(manifest: Manifest, destination: string, changes: Partial<SealedRestoreOrder> = {}): SealedRestoreOrder {
    const identity = { runId: randomUUID(), attempt: 1 };
    return { manifest, target: this.target(), destination, strategy: 'new', identity, ...changes };
  }

  /** The cluster itself, as a server to which its own past comes back. */
  get server(): PostgresTarget {
    const { connection, binDir } = this.cluster;
    return {
      ...{ name: 'live', connection, toolDirectories: [binDir], owner: undefined, privileges: 'keep' },
      ...{ missingRoles: 'refuse', jobs: 2, lockTimeoutMs: 5_000, recoveryDirectory: this.root },
    };
  }

  private depsOf({ target }: SealedRestoreOrder): RestoreDeps & { readonly targetKind: TargetKind } {
    return {
      ...{ repository: this.backups.repository, engine: postgres },
      targetKind: 'root' in target ? postgresDirectory : postgres,
      ...{ dataset: this.cluster.dataset(), workDirectory: this.backups.folder },
    };
  }

  restore(
    order: SealedRestoreOrder,
    changes: Partial<RestoreDeps> = {},
    until: AbortSignal = signal,
  ): Promise<RestoreOutcome> {
    return restoreBackup(order, { ...this.depsOf(order), ...changes }, until);
  }

  /** As `holdfast restore plan` does. */
  async plan({ goal, ...order }: SealedRestoreOrder): Promise<RestorePlan> {
    const { repository } = this.backups;
    const { manifest, keyring } = await openBackup(order.manifest, { repository, engine: postgres }, signal);
    const archive = { goal, dataset: this.cluster.dataset(), repository, keyring };
    const driver = loadDriver(this.depsOf({ ...order, manifest }).targetKind, manifest.method, 'the backup');
    return driver.plan({ ...order, manifest, archive, safety: false }, signal);
  }

  /** Runs one attempt in a process of its own and kills it when it begins a stage. */
  async killedAt(stage: string, order: SealedRestoreOrder): Promise<void> {
    const { folder } = this.backups;
    const file = join(folder, `order-${order.identity.runId}-${order.identity.attempt}.json`);
    const { workDirectory, dataset, targetKind } = this.depsOf(order);
    const repositoryUrl = `file://${join(folder, 'repository')}`;
    await writeFile(
      file,
      JSON.stringify({ order, repositoryUrl, workDirectory, dataset, targetKind: targetKind.kind }),
    );
    const child = spawn(process.execPath, [fixtureProgram('run-recovery.mjs'), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    const seen: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      seen.push(line);
      if (line === stage) child.kill('SIGKILL');
    }
    await ended;
    if (!seen.includes(stage) || seen.includes('done')) throw new Error(`it was not killed at ${stage}: ${seen}`);
  }

  /** Asks the recovered cluster, whether a server runs over it or not. */
  query<Row extends object>({ target, destination, manifest }: SealedRestoreOrder, text: string): Promise<Row[]> {
    const facts = BaseFacts.parse(manifest.facts);
    return whileRunning({ target: target as DirectoryTarget, destination, facts }, signal, (socket) =>
      withPgSession(toSocket(socket, facts, 'postgres'), { signal, applicationName: 'holdfast spec' }, (session) =>
        session.query<Row>(text),
      ),
    );
  }

  /** Of a database of the cluster that runs. */
  async rowsIn(database: string): Promise<number[]> {
    const connection = withDatabase(this.cluster.connection, database);
    const rows = await withPgSession(connection, { signal, applicationName: 'holdfast spec' }, (session) =>
      session.query<{ id: number }>('SELECT id FROM numbers ORDER BY id'),
    );
    return rows.map(({ id }) => id);
  }

  async rows(order: SealedRestoreOrder): Promise<number[]> {
    const rows = await this.query<{ id: number }>(order, 'SELECT id FROM numbers ORDER BY id');
    return rows.map(({ id }) => id);
  }

  /** Everything in the folder into which clusters are recovered. */
  async there(): Promise<string[]> {
    return (await readdir(this.root)).sort();
  }

  async makeFolder(name: string): Promise<string> {
    const folder = join(this.root, name);
    await mkdir(folder, { mode: 0o700 });
    await this.cluster.own(folder);
    return folder;
  }

  async remove(): Promise<void> {
    await this.archiver.kill();
    await this.cluster.remove();
    await this.backups.remove();
  }
}

/** Of the same run. */
export const next = (order: SealedRestoreOrder): SealedRestoreOrder => ({
  ...order,
  identity: { ...order.identity, attempt: order.identity.attempt + 1 },
});

export const toTime = (at: string): RecoveryGoal => ({ target: { kind: 'time', at }, inclusive: true });
export const LATEST: RecoveryGoal = { target: { kind: 'latest' }, inclusive: true };
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
