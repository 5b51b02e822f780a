import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '#common/contracts/manifest.js';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { RestoreOrder } from '#common/engines/engine.js';
import { unpackDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';
import { PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import type { PostgresDataset, PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { parseProfile } from '#common/engines/profiles.js';
import { openBackup } from '#common/operations/open-backup.js';
import { type RestoreDeps, type RestoreOutcome, restoreBackup } from '#common/operations/restore/restore-backup.js';
import { spoolObject } from '#common/operations/restore/spool-object.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { type PgConnection, parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { identifier, sql } from '#common/pg/sql.js';
import { expiringKey } from '#common/repository/layout.js';
import { Keyring } from '#common/sealing/keyring.js';
import { endpoints } from '#tools/services/endpoints.js';
import { BackupTestBed } from './backup-test-bed.js';
import { noInventory } from './restored.js';
import { ScratchDatabase } from './scratch-database.js';
import { readSnapshotFacts } from './snapshot-facts.js';

export type PgOrder = RestoreOrder<PostgresTarget, SnapshotFacts>;
export type Server = 'postgres18' | 'postgres15';

const { signal } = new AbortController();

/** A source database, a repository, and databases restored from it, all dropped at the end. */
export class RestoreTestBed {
  readonly tools = new PgTools();
  private readonly restored: { readonly server: Server; readonly name: string }[] = [];

  private constructor(
    readonly source: ScratchDatabase,
    readonly backups: BackupTestBed,
    private readonly server: Server,
  ) {}

  static async create(server: Server, ...statements: readonly string[]): Promise<RestoreTestBed> {
    const source = await ScratchDatabase.create(server, ...statements);
    return new RestoreTestBed(source, await BackupTestBed.create(), server);
  }

  /** The source again, empty and with other options than the server's own. */
  async recreateSource(options: string): Promise<void> {
    const { name } = this.source;
    await this.source.onServer(`DROP DATABASE ${name}`, `CREATE DATABASE ${name} TEMPLATE template0 ${options}`);
  }

  async backup(changes: Partial<PostgresDataset> = {}): Promise<PostgresManifest> {
    const manifest = await takeBackup(this.backups.attempt(this.source.dataset(changes)), this.backups.deps(), signal);
    const { repository } = this.backups;
    return (await openBackup(manifest, { repository, engine: { kind: 'postgres', facts: SnapshotFacts } }, signal))
      .manifest;
  }

  /** A name for a database to be restored; remembered, to be dropped at the end. */
  nameOf(suffix: string, server = this.server): string {
    const name = `${this.source.name}_${suffix}`;
    this.restored.push({ server, name });
    return name;
  }

  target(changes: Partial<PostgresTarget> = {}, server = this.server): PostgresTarget {
    return {
      ...{ name: 'staging', connection: parsePgUrl(endpoints[server].url) },
      // An archive of the newer server needs the newer tools, also on the older server.
      ...{
        toolDirectories: [endpoints[server].binDir, endpoints.postgres18.binDir],
        owner: undefined,
        privileges: 'keep',
      },
      ...{ missingRoles: 'refuse', jobs: 2, lockTimeoutMs: 2_000 },
      ...changes,
    };
  }

  order(manifest: PostgresManifest, destination: string, changes: Partial<PgOrder> = {}): PgOrder {
    const identity = { runId: randomUUID(), attempt: 1 };
    return { manifest, target: this.target(), destination, strategy: 'new', identity, ...changes };
  }

  deps(changes: Partial<RestoreDeps> = {}): RestoreDeps {
    const { folder, repository } = this.backups;
    return { repository, engine: postgresEngine(this.tools), workDirectory: folder, ...changes };
  }

  /** As a sweep leaves it that died after the grace was over. */
  async mark({ dataset, backupId }: Manifest): Promise<void> {
    const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: ['older than 30d'] }));
    await this.backups.repository.put(expiringKey(dataset, backupId), mark, { signal });
  }

  restore(order: PgOrder, changes: Partial<RestoreDeps> = {}): Promise<RestoreOutcome> {
    // What a spec changed of the facts is what the backup says.
    const manifest = { ...order.manifest, facts: { ...order.manifest.snapshot } };
    return restoreBackup({ ...order, manifest }, this.deps(changes), signal);
  }

  /** The archive of a backup as a file on its own. */
  async unpack(manifest: Manifest): Promise<string> {
    const [object] = manifest.objects;
    const file = join(this.backups.folder, 'unpacked.dump');
    if (object !== undefined)
      await spoolObject(object, this.backups.repository, file, { signal, keyring: Keyring.empty });
    return file;
  }

  /** Changes the stored bytes of one object of a backup; returns what undoes it. */
  async damage(key: string, change: (bytes: Buffer) => Buffer | undefined): Promise<() => Promise<void>> {
    const file = join(this.backups.folder, 'repository', key);
    const bytes = await readFile(file);
    const changed = change(Buffer.from(bytes));
    await rm(file);
    if (changed !== undefined) await writeFile(file, changed);
    return () => writeFile(file, bytes);
  }

  connectionTo(database: string, server = this.server): PgConnection {
    return withDatabase(parsePgUrl(endpoints[server].url), database);
  }

  facts(database: string, server = this.server): Promise<SnapshotFacts> {
    return this.onDatabase(database, (session) => readSnapshotFacts(session), server);
  }

  /** What probes say of a restored database that kept owners and privileges. */
  async verify(
    manifest: PostgresManifest,
    database: string,
    uses: readonly string[],
    server = this.server,
  ): Promise<ProbeOutcome[]> {
    const context = {
      ...{ manifest, dataset: this.source.dataset(), target: this.target({}, server), destination: database },
      ...{ repository: this.backups.repository, keyring: Keyring.empty, signal, inventory: noInventory },
    };
    const outcomes: ProbeOutcome[] = [];
    for (const probe of parseProfile({ probes: uses.map((use) => ({ use })) })) outcomes.push(await probe.run(context));
    return outcomes;
  }

  async query<Row extends object>(database: string, text: string, server = this.server): Promise<Row[]> {
    return this.onDatabase(database, (session) => session.query<Row>(text), server);
  }

  async onDatabase<T>(database: string, work: (session: PgSession) => Promise<T>, server = this.server): Promise<T> {
    return withPgSession(this.connectionTo(database, server), { signal, applicationName: 'spec' }, work);
  }

  /** An open transaction that has used something, until it is released. */
  async hold(database: string, statement: string): Promise<{ release(): Promise<void> }> {
    const session = await PgSession.open(this.connectionTo(database), { signal, applicationName: 'spec' });
    await session.query(`BEGIN; ${statement}`);
    return { release: () => session.close() };
  }

  /** Databases whose names begin with a text, sorted. */
  async databases(prefix: string): Promise<string[]> {
    const rows = await this.query<{ datname: string }>(
      'postgres',
      `SELECT datname FROM pg_database WHERE starts_with(datname, '${prefix}') ORDER BY 1`,
    );
    return rows.map(({ datname }) => datname);
  }

  async drop(): Promise<void> {
    for (const { server, name } of this.restored) {
      await this.onDatabase(
        'postgres',
        (session) => session.query(sql`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`),
        server,
      );
    }
    await this.source.drop();
    await this.backups.remove();
  }
}

/** What must be equal after a restore: everything but where and when it was read, and what no backup holds. */
export function comparable(facts: SnapshotFacts): object {
  const { archive, takenAt, lsn, systemId, database, sizeBytes, settings, definitions, ...same } = facts;
  const kept = settings.filter(({ setting }) => !setting.includes('=sha256:'));
  const objects = { definitions: unpackDefinitions(definitions) };
  return {
    ...same,
    ...objects,
    settings: kept.map((setting) => ({ ...setting, database: setting.database && 'this' })),
  };
}
