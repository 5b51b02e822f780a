import { randomUUID } from 'node:crypto';
import type { Manifest, OpenManifest } from '#common/contracts/manifest.js';
import type { Engine, ProtectedDataset, RestoreDriver, RestoreTarget } from '#common/engines/engine.js';
import { loadDriver } from '#common/engines/engines.js';
import { parseProfile } from '#common/engines/profiles.js';
import type { VerificationResult } from '#common/operations/keep-verdict.js';
import { openBackup } from '#common/operations/open-backup.js';
import {
  type RestoreDeps,
  type RestoreOutcome,
  restoreBackup,
  type SealedRestoreOrder,
} from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { verifyRestore } from '#common/operations/verify-restore.js';
import { findBackup } from '#common/repository/read-backups.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { BackupTestBed } from './backup-test-bed.js';

/** A server of one kind, running, and what a spec does to it behind the engine's back. */
export interface DatasetFixture {
  readonly engine: Engine;
  /** As holdfast.yaml says them, without what every dataset and target has. */
  readonly dataset: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly method: string;
  /** The strategy that replaces what is there. */
  readonly replacing: string;
  /** Probes that prove a restore of this kind equal. */
  readonly probes: readonly string[];
  /** Datasets that cannot be backed up, each with the error that says so. */
  readonly unfit: readonly {
    readonly what: string;
    readonly dataset: Readonly<Record<string, unknown>>;
    readonly code: string;
  }[];
  /** One entry more in the source, or in a destination. */
  write(destination?: string): Promise<void>;
  /** All that the source, or a destination, holds, as text; null: there is none. */
  read(destination?: string): Promise<string | null>;
  /** The source is gone, with all that it held. */
  destroy(): Promise<void>;
  /** A name for a destination. */
  newDestination(): string;
  /** Removes every destination so far; also called at the end. */
  clear(): Promise<void>;
  /** What attempts of these runs have left in source and target, beside destinations. */
  leftovers(runIds: readonly string[]): Promise<readonly string[]>;
  /** Undefined where the commands change the machine itself, so that the engine's own spec tries them. */
  readonly byHand?: {
    readonly environment: Readonly<Record<string, string>>;
    /** What they restored in this folder, or where the source was. */
    read(folder: string): Promise<string | null>;
  };
  close(): Promise<void>;
}

const { signal } = new AbortController();

/** A server of the kind, a repository, and the core's own operations on both. */
export class EngineHarness {
  private readonly runIds: string[] = [];

  private constructor(
    readonly fixture: DatasetFixture,
    readonly bed: BackupTestBed,
    /** Opens what an encrypted repository holds. */
    readonly identity: string,
  ) {}

  static async start(fixture: DatasetFixture, isEncrypted: boolean): Promise<EngineHarness> {
    const { recipient, identity } = await generateAgeKeys();
    const { identity: indexIdentity } = await generateAgeKeys();
    const encryption = { recipients: [recipient], identity, indexIdentity };
    const bed = await BackupTestBed.create(isEncrypted ? encryption : undefined);
    return new EngineHarness(fixture, bed, identity);
  }

  get dataset(): ProtectedDataset {
    return this.datasetOf({});
  }

  datasetOf(changes: Readonly<Record<string, unknown>>): ProtectedDataset {
    const { schema, resolve } = this.fixture.engine.dataset;
    const common = { name: 'spec', compression: { level: 1, threads: 1 } };
    return resolve(common, schema.parse({ ...this.fixture.dataset, ...changes }));
  }

  get target(): RestoreTarget {
    const { schema, resolve } = this.fixture.engine.target;
    return resolve({ name: 'staging' }, schema.parse(this.fixture.target));
  }

  backup(repository = this.bed.repository): Promise<Manifest> {
    const { engine, method } = this.fixture;
    return takeBackup(this.bed.attempt(this.dataset, { method }), { ...this.bed.depsOf(engine), repository }, signal);
  }

  /** Of a destination, as a restore takes it before it replaces what is there. */
  safetyBackup(destination: string): Promise<Manifest> {
    const { engine, method } = this.fixture;
    const there = engine.toSafetyDataset(this.dataset, this.target, destination);
    return takeBackup(this.bed.attempt(there, { method, purpose: 'safety' }), this.bed.depsOf(engine), signal);
  }

  /** By a run of its own. */
  order(manifest: Manifest, destination: string, strategy = 'new'): SealedRestoreOrder {
    const runId = randomUUID();
    this.runIds.push(runId);
    return { manifest, target: this.target, destination, strategy, identity: { runId, attempt: 1 } };
  }

  restore(order: SealedRestoreOrder, changes: Partial<RestoreDeps> = {}, until = signal): Promise<RestoreOutcome> {
    const { repository, folder } = this.bed;
    return restoreBackup(order, { repository, engine: this.fixture.engine, workDirectory: folder, ...changes }, until);
  }

  verify(manifest: Manifest, destination: string): Promise<VerificationResult> {
    const { fixture, bed, dataset, target } = this;
    const probes = parseProfile({ probes: fixture.probes.map((use) => ({ use })) });
    return verifyRestore(
      { runId: randomUUID(), manifest, dataset, target, destination, profile: { name: 'equal', probes } },
      { repository: bed.repository, engine: fixture.engine, now: () => new Date() },
      signal,
    );
  }

  async open(manifest: Manifest): Promise<OpenManifest> {
    const { repository } = this.bed;
    return (await openBackup(manifest, { repository, engine: this.fixture.engine }, signal)).manifest;
  }

  driver({ method }: Manifest): RestoreDriver<RestoreTarget, object> {
    return loadDriver(this.fixture.engine, method, 'the backup');
  }

  /** What the orders of this harness have left on the target, beside destinations. */
  leftovers(): Promise<readonly string[]> {
    return this.fixture.leftovers(this.runIds);
  }

  async stored(): Promise<Manifest[]> {
    const pattern = /\/spec\/([0-9a-f-]{36})\/[^/]+\/manifest\.json$/;
    const ids = (await this.bed.files()).flatMap((file) => pattern.exec(file)?.[1] ?? []);
    const found = await Promise.all(ids.map((id) => findBackup(this.bed.repository, 'spec', id, { signal })));
    return found.flatMap((manifest) => manifest ?? []);
  }

  async close(): Promise<void> {
    await this.fixture.clear();
    await this.fixture.close();
    await this.bed.remove();
  }
}
