import { randomBytes } from 'node:crypto';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { probeKey } from '#common/repository/layout.js';
import { openRepository } from '#common/repository/open-repository.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import type { VerbContext } from '../verb.js';
import { storageCheckName } from './repository-check.js';

const LOCK_MS = 30_000;
/** Below `_control/` Holdfast overrides the default retention of a bucket for a minute. */
const LONGEST_CONTROL_LOCK_MS = 5 * 60_000;
const NO_DEFAULT =
  'Take the default retention from the bucket, or give the first credential `s3:PutObjectRetention`; docs/how-to/protect-backups-from-deletion.md says why.';

/** Whether this configuration deletes backups, and whether the credential that writes could as well. Removes nothing. */
export const deletionCheck = (name: string, { installation, signal }: VerbContext): Check => ({
  name: `repository ${name}: rights to delete`,
  needs: [storageCheckName(name)],
  run: async () => {
    const config = installation.config.repositories[name];
    const repository = installation.repository(name);
    const [dataset = 'check'] = Object.entries(installation.config.datasets).flatMap(([each, { repositories }]) =>
      repositories.includes(name) ? [each] : [],
    );
    const findDenial = (of: BackupRepository) => denialOf(of.requireRemovable(`${dataset}/check`, { signal }));
    const denial = await findDenial(repository);
    if (config?.delete === undefined) {
      if (denial === undefined) return 'this configuration deletes backups, with the credential that writes them';
      throw new CheckWarning(
        `this configuration deletes no backup, as it should be where only executors run: ${denial.message}`,
      );
    }
    if (denial !== undefined) throw denial;
    const writing = openRepository({ name, ...config, delete: undefined, lock: undefined });
    try {
      if ((await findDenial(writing)) !== undefined)
        return 'the credential in `delete` deletes backups, and the one that writes does not';
      throw new CheckWarning(
        'the credential that writes may delete backups as well, so that `delete` protects nothing',
      );
    } finally {
      await writing.close();
    }
  },
});

async function denialOf(asking: Promise<void>): Promise<AppError | undefined> {
  try {
    await asking;
    return undefined;
  } catch (error) {
    if (error instanceof AppError && /-denied$/.test(error.code)) return error;
    throw error;
  }
}

/** Locks a probe for half a minute, and tries to remove it; and looks that nothing else below `_control/` is locked. */
export const lockCheck = (name: string, { installation, signal }: VerbContext): Check => ({
  name: `repository ${name}: object lock`,
  needs: [storageCheckName(name)],
  run: async () => {
    const repository = installation.repository(name);
    const storageNow = await readStorageClock(repository, 'probes', { signal });
    const control = await checkControl(repository, storageNow, signal);
    if (repository.lock === undefined) return `no lock is configured; ${control}`;
    await requireLocks(repository, storageNow, signal);
    return `a ${repository.lock.mode} lock keeps what is locked, and can be made longer; ${control}`;
  },
});

async function checkControl(repository: BackupRepository, storageNow: Date, signal: AbortSignal): Promise<string> {
  const key = probeKey(randomBytes(8).toString('hex'));
  await repository.put(key, Buffer.from('free\n'), { signal });
  const lockedUntil = (await repository.stat(key, { signal }))?.lockedUntil ?? null;
  const { isFreed } = await repository.remove(key, { signal });
  if (lockedUntil !== null && lockedUntil.getTime() > storageNow.getTime() + LONGEST_CONTROL_LOCK_MS) {
    const message = `the default retention of the bucket locks what lies below _control/, such as ${key}, until ${lockedUntil.toISOString()}`;
    throw new AppError('repository.locked', message, { key }, { hint: NO_DEFAULT });
  }
  if (lockedUntil !== null) return 'below _control/ a lock of a minute overrides the default retention of the bucket';
  if (isFreed !== false) return 'nothing is locked below _control/';
  throw new CheckWarning(
    'what is removed below _control/ stays as a hidden version: the credential that writes may not delete versions there, or the bucket locks them',
  );
}

async function requireLocks(repository: BackupRepository, storageNow: Date, signal: AbortSignal): Promise<void> {
  const key = probeKey(`${randomBytes(8).toString('hex')}/locked`);
  const inSeconds = (ms: number) => new Date(Math.ceil((storageNow.getTime() + ms) / 1_000) * 1_000);
  const [until, later] = [inSeconds(LOCK_MS), inSeconds(2 * LOCK_MS)];
  const requireUntil = async (wanted: Date, what: string): Promise<void> => {
    const { lockedUntil = null } = (await repository.stat(key, { signal })) ?? {};
    if (lockedUntil !== null && lockedUntil >= wanted) return;
    const found = lockedUntil === null ? 'shows none' : `shows one until ${lockedUntil.toISOString()}`;
    const hint =
      'Give the credentials `s3:GetObjectRetention` and `s3:PutObjectRetention`, or take `lock` out of the repository.';
    throw new AppError('repository.protocol', `${repository.location} took ${what} and ${found}`, { key }, { hint });
  };
  await repository.put(key, Buffer.from('locked\n'), { signal, retainUntil: until });
  await requireUntil(until, 'a lock');
  await repository.extendRetention(key, later, { signal });
  await requireUntil(later, 'a longer lock');
  const { isFreed } = await repository.remove(key, { signal });
  if (isFreed === false) return;
  const hint = 'The storage keeps no locks: take `lock` out of the repository, or use other storage.';
  throw new AppError('repository.protocol', `${repository.location} removed what it had locked`, { key }, { hint });
}
