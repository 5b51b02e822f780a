import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import type { BackupRepository, ObjectKey } from '#common/repository/backup-repository.js';
import type { S3Bed } from './s3-bed.js';
import { ScriptedRepository } from './scripted-repository.js';

const PREFIX = 'some/prefix/';
const DAY_MS = 86_400_000;

/**
 * A bucket that locks every new object for a day, as a default retention does; the storage of the specs takes that setting and ignores it,
 * so each object is locked by itself. The locks are the storage's own.
 */
export class LockingStorage {
  readonly unlocked: BackupRepository;
  /** Locks what is written through it. */
  readonly repository: BackupRepository;
  /** Every key that was written, in order. */
  readonly written: ObjectKey[] = [];
  locksNew = true;

  constructor(private readonly bed: S3Bed) {
    this.unlocked = bed.open();
    this.repository = new ScriptedRepository(this.unlocked, {
      put: async (put, key, body, o) => {
        const written = await put(key, body, o);
        this.written.push(key);
        if (this.locksNew) await this.lock(key, new Date(Date.now() + DAY_MS));
        return written;
      },
    });
  }

  /** As though the day had passed. */
  async endLocks(): Promise<void> {
    const until = new Date(Date.now() + 1_500);
    for await (const { key } of this.unlocked.list('', { signal: new AbortController().signal }))
      await this.lock(key, until);
    await sleep(Math.max(0, until.getTime() - Date.now() + 1));
  }

  private async lock(key: ObjectKey, until: Date): Promise<void> {
    const object = { Bucket: this.bed.bucket, Key: PREFIX + key };
    const Retention = { Mode: 'GOVERNANCE' as const, RetainUntilDate: until };
    await this.bed.client.send(
      new PutObjectRetentionCommand({ ...object, Retention, BypassGovernanceRetention: true }),
    );
  }
}
