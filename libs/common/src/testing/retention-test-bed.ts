import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Catalog } from '#common/catalog/catalog.js';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupId } from '#common/domain/ids.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { expiringKey, manifestKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import { findBackup } from '#common/repository/read-backups.js';
import { EventWriter } from '#common/service/event-writer.js';
import { Installation } from '#common/service/installation.js';
import { CatalogTestBed } from './catalog-test-bed.js';
import { storeBackup } from './stored-backup.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;

/** An installation whose dataset lies in whatever storage a spec gives it. */
class Installed extends Installation {
  constructor(
    url: string,
    private readonly storage: BackupRepository,
  ) {
    super(
      HoldfastConfig.parse({
        repositories: { disk: { url } },
        datasets: {
          shop: {
            ...{ kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] },
            retention: { within: '30d', minimumGood: 1 },
          },
        },
      }),
    );
  }

  override primaryRepository(): BackupRepository {
    return this.storage;
  }
}

/** A catalog and a repository on disk with one dataset, `shop`, that is kept for 30 days: for specs about what is deleted. */
export class RetentionTestBed {
  disk!: BackupRepository;
  private folder = '';

  private constructor(readonly bed: CatalogTestBed) {}

  static async open(): Promise<RetentionTestBed> {
    return new RetentionTestBed(await CatalogTestBed.open());
  }

  /** An empty repository, and a catalog that knows nothing. */
  async begin(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'holdfast-retention-'));
    await mkdir(join(this.folder, 'backups'));
    this.disk = openRepository({ name: 'disk', url: this.url });
    await initialiseRepository(this.disk, { signal });
    await this.bed.admin.query('TRUNCATE holdfast.runs, holdfast.outbox, holdfast.backups, holdfast.leases CASCADE');
  }

  end(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  async close(): Promise<void> {
    await this.bed.close();
  }

  deps({ storage = this.disk, catalog = this.bed.catalog, now = () => new Date() } = {}) {
    const events = new EventWriter({ instance: 'spec', topicPrefix: '' });
    return { installation: new Installed(this.url, storage), catalog: catalog as Catalog | undefined, events, now };
  }

  async newBackup(
    minute: number,
    days: number,
    { isRecorded = true, ...changes }: Partial<Manifest> & { readonly isRecorded?: boolean } = {},
  ): Promise<Manifest> {
    const snapshotAt = new Date(Date.now() - days * DAY_MS).toISOString();
    const manifest = await storeBackup(this.disk, minute, { snapshotAt, ...changes });
    const copy = { repository: 'disk', manifestKey: manifestKey(manifest.attemptKey) };
    if (isRecorded) await this.bed.catalog.transaction((tx) => tx.backups.record(manifest, copy));
    return manifest;
  }

  /** As though the mark had stood for an hour. */
  async letGraceEnd({ backupId }: Manifest): Promise<void> {
    const at = new Date(Date.now() - 3_600_000);
    await utimes(join(this.folder, 'backups', expiringKey('shop', backupId)), at, at);
  }

  async stateOf({ backupId }: Manifest) {
    return (await this.bed.catalog.transaction((tx) => tx.backups.find(backupId as BackupId)))?.state;
  }

  async isWhole({ backupId }: Manifest): Promise<boolean> {
    return (await findBackup(this.disk, 'shop', backupId, { signal })) !== undefined;
  }

  private get url(): string {
    return pathToFileURL(join(this.folder, 'backups')).href;
  }
}
