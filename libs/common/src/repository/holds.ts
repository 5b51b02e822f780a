import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';
import type { BackupRepository, ReadOptions, StoredObject } from './backup-repository.js';
import { readExpiry } from './expiry-marker.js';
import { expiringKey, holdKey, holdsPrefix, isHoldKey } from './layout.js';
import { readObject } from './read-object.js';
import { CLOCK_STEP_MS } from './storage-clock.js';

const HoldName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'use 1-63 of a-z, 0-9, dot, dash, underscore');

const HoldFile = z.object({
  formatVersion: z.literal(1),
  name: HoldName,
  reason: z.string().max(500),
  by: z.string().max(200).describe('Who placed it'),
  livesMs: z
    .number()
    .positive()
    .nullable()
    .describe('Since it was last written, by the storage’s clock; null: until it is released'),
});
type HoldFile = z.infer<typeof HoldFile>;

/** A hold beside a backup: as long as it lives, nothing of the backup is deleted. */
export interface Hold extends Omit<HoldFile, 'formatVersion'> {
  /** By the storage's clock, as is its end. */
  readonly placedAt: Date;
  readonly expiresAt: Date | null;
}

export interface HeldBackup {
  readonly dataset: string;
  readonly backupId: string;
}

export type NewHold = HeldBackup & Omit<HoldFile, 'formatVersion'>;

/**
 * Places or renews a hold. Resolved, it is in force: a sweeper looks at holds only after the mark has stood for its grace, by
 * the same clock. Throws: backup.expiring when that may have begun (the hold is then taken back); request.invalid; repository.*.
 */
export async function placeHold(repository: BackupRepository, hold: NewHold, o: ReadOptions): Promise<Hold> {
  const { dataset, backupId } = hold;
  const file = parseHold({ formatVersion: 1, ...hold });
  const key = holdKey(dataset, backupId, file.name);
  await repository.put(key, encode(file), o);
  const written = await repository.stat(key, o);
  const mark = await readExpiry(repository, expiringKey(dataset, backupId), o);
  if (written === undefined) throw new AppError('repository.object-missing', `${key} vanished`, { key });
  if (mark !== undefined && written.modifiedAt.getTime() + CLOCK_STEP_MS > mark.lookAt.getTime()) {
    // Where a lock keeps it, it dies by itself.
    await repository.remove(key, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    throw new AppError('backup.expiring', `backup ${backupId} of ${dataset} is being deleted`, { backupId });
  }
  return toHold(file, written);
}

/** Keeps a hold that is in force in force; there is nothing to ask, for no sweep deletes what is held. Throws: repository.*. */
export async function renewHold(repository: BackupRepository, hold: NewHold, o: ReadOptions): Promise<void> {
  const file = parseHold({ formatVersion: 1, ...hold });
  const key = holdKey(hold.dataset, hold.backupId, file.name);
  await repository.put(key, encode(file), o);
}

/** Idempotent. */
export async function releaseHold(
  repository: BackupRepository,
  { dataset, backupId, name }: HeldBackup & { readonly name: string },
  o: ReadOptions,
): Promise<void> {
  const checked = HoldName.safeParse(name);
  if (!checked.success) throw new AppError('request.invalid', `"${name}" cannot name a hold`);
  await repository.remove(holdKey(dataset, backupId, checked.data), o);
}

/** Every hold, dead ones too. One that cannot be read holds for ever: its writer wanted something kept. Throws: repository.*. */
export async function listHolds(repository: BackupRepository, of: HeldBackup, o: ReadOptions): Promise<Hold[]> {
  const holds: Hold[] = [];
  for await (const object of repository.list(holdsPrefix(of.dataset, of.backupId), o)) {
    if (!isHoldKey(object.key)) continue;
    const hold = await readHold(repository, object, o);
    if (hold !== undefined) holds.push(hold);
  }
  return holds;
}

/** In force at an instant of the storage's clock, which may be one step behind. */
export const isAlive = ({ expiresAt }: Hold, storageNow: Date): boolean =>
  expiresAt === null || expiresAt.getTime() + CLOCK_STEP_MS >= storageNow.getTime();

async function readHold(repository: BackupRepository, object: StoredObject, o: ReadOptions): Promise<Hold | undefined> {
  try {
    const text = Buffer.from(await readObject(repository, object.key, o)).toString('utf8');
    return toHold(HoldFile.parse(JSON.parse(text)), object);
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.object-missing') return undefined;
    if (error instanceof AppError) throw error;
    const name =
      object.key
        .split('/')
        .at(-1)
        ?.replace(/[.]json$/, '') ?? '';
    return toHold({ formatVersion: 1, name, reason: 'cannot be read', by: 'unknown', livesMs: null }, object);
  }
}

function toHold({ formatVersion: _, ...file }: HoldFile, { modifiedAt }: StoredObject): Hold {
  const expiresAt = file.livesMs === null ? null : new Date(modifiedAt.getTime() + file.livesMs);
  return { ...file, placedAt: modifiedAt, expiresAt };
}

const encode = (file: HoldFile): Uint8Array => Buffer.from(`${JSON.stringify(file, null, 2)}\n`);

function parseHold(value: unknown): HoldFile {
  const parsed = HoldFile.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => toIssueText(issue, 'the file'));
  throw new AppError('request.invalid', `the hold is not valid: ${issues.join('; ')}`, { issues });
}
