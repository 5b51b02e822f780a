import { randomUUID } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import type { RemovedObject } from '../backup-repository.js';
import { unlessLocked } from '../unless-locked.js';
import type { S3Connection } from './connection.js';
import { isAccessDenied } from './errors.js';
import { deleteObject, findHead, findVersionHead, listVersions, type ObjectVersion } from './objects.js';

export interface S3RemovalOptions {
  /** Whose credential does it. */
  readonly connection: S3Connection;
  /** For people: `the credential in \`delete\``. */
  readonly credential: string;
  /** Whether the bucket keeps versions; null: the server does not say. */
  readonly keepsVersions: (signal: AbortSignal) => Promise<boolean | null>;
}

/** How objects leave a bucket for good, with one credential. Keys are whole keys of the bucket. */
export class S3Removal {
  constructor(private readonly o: S3RemovalOptions) {}

  /** Hides nothing: either every version goes, or an error says what keeps one. Throws: as BackupRepository.remove. */
  async remove(key: string, signal: AbortSignal): Promise<RemovedObject> {
    const keeps = await this.keepsVersionsOf(key, signal);
    if (keeps === true) return this.removeVersions(key, signal);
    const marker = await this.saying('repository.delete-denied', key, this.delete(key, signal));
    if (marker === undefined) return { sizeBytes: null, isFreed: keeps === null ? null : true };
    // The bucket has been given versions since it was asked.
    return this.removeVersions(key, signal);
  }

  /** The object is gone for every reader; its versions too, where no lock keeps them and the credential may. Throws: repository.*. */
  async removeOrHide(key: string, signal: AbortSignal): Promise<RemovedObject> {
    try {
      return await this.remove(key, signal);
    } catch (error) {
      const stays =
        error instanceof AppError && ['repository.locked', 'repository.versions-denied'].includes(error.code);
      if (!stays) throw error;
      await this.saying('repository.delete-denied', key, this.delete(key, signal));
      return { sizeBytes: null, isFreed: false };
    }
  }

  /** Asked with the name of an object that has never been there. Throws: as BackupRepository.requireRemovable. */
  async requireRemovable(key: string, signal: AbortSignal): Promise<void> {
    const absent = `${key}-${randomUUID()}`;
    if ((await this.keepsVersionsOf(key, signal)) === true) {
      await this.saying('repository.versions-denied', key, this.versionsOf(absent, signal));
      await this.saying('repository.versions-denied', key, this.delete(absent, signal, 'null').catch(unlessAbsent));
      return;
    }
    const marker = await this.saying('repository.delete-denied', key, this.delete(absent, signal));
    if (marker !== undefined) await this.removeVersions(absent, signal);
  }

  /** Throws: as BackupRepository.removeHidden. */
  async removeHidden(prefix: string, olderThan: Date, signal: AbortSignal): Promise<number> {
    if ((await this.o.keepsVersions(signal)) !== true) return 0;
    const found = await this.saying('repository.versions-denied', prefix, this.collect(prefix, signal));
    let removed = 0;
    for (const versions of Map.groupBy(found, ({ key }) => key).values()) {
      const latest = versions.find(({ isLatest }) => isLatest);
      // A marker of today may be the answer to a mistake of today.
      if (latest?.isMarker === true && latest.modifiedAt >= olderThan) continue;
      const hidden = versions.filter((one) => one.isMarker || !one.isLatest);
      const old = hidden.filter(({ modifiedAt }) => modifiedAt < olderThan).toSorted(latestLast);
      for (const version of old) {
        // The marker goes only when nothing is left that it hides.
        if (!(await unlessLocked(this.removeVersion(version, signal)))) break;
        removed += 1;
      }
    }
    return removed;
  }

  private async removeVersions(key: string, signal: AbortSignal): Promise<RemovedObject> {
    const versions = await this.saying('repository.versions-denied', key, this.versionsOf(key, signal));
    // An older one that came to light for a moment would be read as the object.
    for (const version of versions.toSorted(latestLast)) await this.removeVersion(version, signal);
    return { sizeBytes: versions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), isFreed: true };
  }

  private async removeVersion({ key, versionId }: ObjectVersion, signal: AbortSignal): Promise<void> {
    try {
      await this.delete(key, signal, versionId);
    } catch (error) {
      if (!isAccessDenied(error)) throw error;
      // Many servers answer a lock as they answer a right that is missing.
      const head = await findVersionHead(this.o.connection, { key, versionId }, signal).catch(() => undefined);
      if (head?.lockedUntil !== undefined && head.lockedUntil > new Date())
        throw toLocked(key, head.lockedUntil, { cause: error });
      throw this.toDenied('repository.versions-denied', key, error);
    }
  }

  /** What the server will not say of the bucket it says of an object. */
  private async keepsVersionsOf(key: string, signal: AbortSignal): Promise<boolean | null> {
    const keeps = await this.o.keepsVersions(signal);
    if (keeps !== null) return keeps;
    const head = await findHead(this.o.connection, key, signal);
    return head?.versionId === undefined ? null : true;
  }

  private async versionsOf(key: string, signal: AbortSignal): Promise<readonly ObjectVersion[]> {
    return (await this.collect(key, signal)).filter((version) => version.key === key);
  }

  private async collect(prefix: string, signal: AbortSignal): Promise<readonly ObjectVersion[]> {
    const versions: ObjectVersion[] = [];
    for await (const version of listVersions(this.o.connection, prefix, signal)) versions.push(version);
    return versions;
  }

  private delete(key: string, signal: AbortSignal, versionId?: string): Promise<string | undefined> {
    return deleteObject(this.o.connection, { key, versionId }, signal);
  }

  private async saying<T>(code: Code, key: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw isAccessDenied(error) ? this.toDenied(code, key, error) : error;
    }
  }

  private toDenied(code: Code, key: string, cause: AppError): AppError {
    const what = code === 'repository.versions-denied' ? 'the versions that the bucket keeps of ' : '';
    return new AppError(code, `${this.o.credential} may not delete ${what}${key}`, { key }, { cause });
  }
}

const latestLast = (a: ObjectVersion, b: ObjectVersion): number =>
  Number(a.isLatest) - Number(b.isLatest) || a.modifiedAt.getTime() - b.modifiedAt.getTime();

function unlessAbsent(error: unknown): undefined {
  if (isAccessDenied(error)) throw error;
  const isAnswer = error instanceof AppError && [400, 404, 405].includes(Number(error.context['status']));
  if (!isAnswer) throw error;
  return undefined;
}

export const toLocked = (key: string, until: Date, o: ErrorOptions = {}): AppError => {
  const lockedUntil = until.toISOString();
  return new AppError('repository.locked', `${key} is locked until ${lockedUntil}`, { key, lockedUntil }, o);
};
