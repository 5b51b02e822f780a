import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Manifest, type ManifestObject, totalBytes } from '#common/contracts/manifest.js';
import type { InventoryEntry, SharedRef } from '#common/contracts/shared-ref.js';
import type { Material, RestoreProgress } from '#common/engines/material.js';
import { openShared } from '#common/operations/content/open-shared.js';
import { readInventory } from '#common/operations/content/references.js';
import { objectOf } from '#common/operations/restore/object-of.js';
import { openObject, pipeObject, spoolObject } from '#common/operations/restore/spool-object.js';
import type { Command } from '#common/process/command.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { loadBackup } from '#common/repository/load-backup.js';
import type { Keyring } from '#common/sealing/keyring.js';

export interface MaterialDeps {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  /** Of this attempt. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly takeSafetyBackup: (() => Promise<string>) | undefined;
  readonly onBytes: (progress: Omit<RestoreProgress, 'stage'>) => void;
}

/** The objects of one backup for one attempt at a restore: each is fetched when the driver asks for it. */
export class SpooledMaterial implements Material {
  safetyBackupId: string | null = null;
  private fetchedBytes = 0;

  constructor(
    private readonly manifest: Manifest,
    private readonly d: MaterialDeps,
  ) {}

  get folder(): string {
    return this.d.folder;
  }

  async spool(name: string): Promise<string> {
    const { repository, keyring, signal, folder } = this.d;
    const object = objectOf(this.manifest, name);
    // The name is the driver's: one from a manifest could lead out of the folder.
    const file = join(folder, name);
    await spoolObject(object, repository, file, { signal, keyring, onBytes: this.counter(object) });
    return file;
  }

  open(name: string): Promise<Readable> {
    const { repository, keyring, signal } = this.d;
    const object = objectOf(this.manifest, name);
    return openObject(object, repository, { signal, keyring, onBytes: this.counter(object) });
  }

  pipe(name: string, through: Command): Promise<void> {
    const { repository, keyring, signal } = this.d;
    const object = objectOf(this.manifest, name);
    return pipeObject(object, through, repository, { signal, keyring, onBytes: this.counter(object) });
  }

  async needed(backupId: string): Promise<Pick<Material, 'open' | 'pipe'>> {
    const { repository, keyring, signal } = this.d;
    const manifest = await loadBackup(repository, this.manifest.dataset, backupId, { signal });
    keyring.assertOpens(manifest.recipients, `backup ${backupId}`);
    return new SpooledMaterial(manifest, this.d);
  }

  inventory(): AsyncIterable<InventoryEntry> {
    const { repository, keyring, signal } = this.d;
    return readInventory(this.manifest, repository, { keyring, signal });
  }

  shared(ref: SharedRef): Promise<Readable> {
    const { repository, keyring, signal } = this.d;
    return openShared(ref, { dataset: this.manifest.dataset, repository, keyring, signal });
  }

  async safety(): Promise<string | null> {
    this.safetyBackupId ??= (await this.d.takeSafetyBackup?.()) ?? null;
    return this.safetyBackupId;
  }

  private counter({ sizeBytes }: ManifestObject): (bytes: number) => void {
    const before = this.fetchedBytes;
    this.fetchedBytes += sizeBytes;
    return (bytes) => this.d.onBytes({ bytes: before + bytes, totalBytes: totalBytes(this.manifest) });
  }
}
