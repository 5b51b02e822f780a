import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV7 } from '#common/domain/ids.js';
import { openShared } from '#common/operations/content/open-shared.js';
import { readInventory } from '#common/operations/content/references.js';
import { type ContentSweep, sweepContent } from '#common/operations/content/sweep-content.js';
import { type TakeBackupDeps, takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository, RepositoryEncryption } from '#common/repository/backup-repository.js';
import { backupPrefix, contentPrefix, manifestKey } from '#common/repository/layout.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Keyring } from '#common/sealing/keyring.js';
import { listKeys, type StorageBed } from './each-storage.js';
import { type Tree, type TreeFacts, treeEngine } from './tree-engine.js';

const { signal } = new AbortController();

/** Of an encrypted repository: what executors hold, and the identity that opens everything. */
export async function makeEncryption(): Promise<RepositoryEncryption> {
  const [keys, index] = await Promise.all([generateAgeKeys(), generateAgeKeys()]);
  return { recipients: [keys.recipient], identity: keys.identity, indexIdentity: index.identity };
}

/** Backups of trees in one repository, each made a minute after the one before. */
export class ContentTestBed {
  private minute = 0;

  private constructor(
    readonly repository: BackupRepository,
    readonly folder: string,
    readonly dispose: () => Promise<void>,
  ) {}

  static async make(
    open: (encryption?: RepositoryEncryption) => Promise<StorageBed>,
    encryption?: RepositoryEncryption,
  ): Promise<ContentTestBed> {
    const [storage, folder] = [await open(encryption), await mkdtemp(join(tmpdir(), 'holdfast-spec-'))];
    return new ContentTestBed(storage.repository, folder, async () => {
      await storage.dispose();
      await rm(folder, { recursive: true });
    });
  }

  async back(tree: Tree, changed: Partial<TakeBackupDeps<Tree, TreeFacts>> = {}, until = signal): Promise<Manifest> {
    const random = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
    this.minute += 1;
    const backupId = toUuidV7(new Date(Date.UTC(2026, 10, 21, 10, this.minute)), random);
    const attempt = {
      ...{ dataset: tree, backupId, runId: randomUUID(), attempt: 1, nonce: random.toString('hex').slice(0, 8) },
      ...{ purpose: 'regular' as const, method: 'dump' as const },
    };
    const deps = { engine: treeEngine, repository: this.repository, clock: () => new Date(), holdfastVersion: '0.1.0' };
    return takeBackup(attempt, { ...deps, workDirectory: this.folder, ...changed }, until);
  }

  /** What a restore would bring back: text by key. */
  async restore(manifest: Manifest, repository = this.repository): Promise<Record<string, string>> {
    const keyring = await Keyring.of(repository);
    const files: Record<string, string> = {};
    for await (const { key, content } of readInventory(manifest, repository, { keyring, signal })) {
      if (content === undefined) continue;
      const body = await openShared(content, { dataset: manifest.dataset, repository, keyring, signal });
      files[key] = (await buffer(body)).toString();
    }
    return files;
  }

  /** Removes a backup as a deletion does: its manifest first. A hold on it has lapsed, or there is none. */
  async expire({ dataset, backupId, attemptKey }: Manifest): Promise<void> {
    const keys = await listKeys(this.repository, backupPrefix(dataset, backupId));
    const first = manifestKey(attemptKey);
    for (const key of [first, ...keys.filter((each) => each !== first)]) await this.repository.remove(key, { signal });
  }

  /** As though everything were a day old. */
  sweep(repository = this.repository): Promise<ContentSweep> {
    const o = { dataset: 'media', isDue: true, youngMs: -3_600_000, workDirectory: this.folder };
    return sweepContent(repository, o, signal);
  }

  /** Names of all shared objects. */
  contents(): Promise<string[]> {
    return listKeys(this.repository, contentPrefix('media'));
  }

  /** What attempts left in the work directory. */
  leftovers(): Promise<string[]> {
    return readdir(this.folder);
  }
}
