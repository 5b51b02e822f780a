import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV7 } from '#common/domain/ids.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { attemptPrefix, manifestKey } from '#common/repository/layout.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { manifestArbitrary } from './manifest-arbitrary.js';

const [sample] = fc.sample(manifestArbitrary(), { numRuns: 1, seed: 7 }) as [Manifest];
const signal = new AbortController().signal;

const BODY = Buffer.from('dump');
const DIGEST = createHash('sha256').update(BODY).digest('hex');

/** Ids that sort by minute. */
export const backupIdAt = (minute: number): string =>
  toUuidV7(new Date(Date.UTC(2026, 10, 21, 10, minute)), Buffer.alloc(10, minute));

/** A whole backup of two small objects that is not encrypted, as an attempt leaves it. */
export async function storeBackup(
  repository: BackupRepository,
  minute: number,
  changed: Partial<Manifest> = {},
): Promise<Manifest> {
  const { attempt = 1, dataset = 'shop' } = changed;
  const backupId = backupIdAt(minute);
  const attemptKey = attemptPrefix(dataset, backupId, attempt, 'aa');
  const objects: Manifest['objects'] = ['database.dump', 'globals.sql'].map((name) => ({
    ...{ name, key: `${attemptKey}/${name}`, sizeBytes: 4 },
    ...{ sha256: DIGEST, compression: 'none' as const, encryption: 'none' as const },
  }));
  for (const { key } of objects) await repository.put(key, BODY, { signal });
  const own = {
    ...{ dataset, backupId, runId: backupId, attempt, attemptKey, objects },
    ...{ purpose: 'regular' as const, recipients: [], needs: [], requires: [], suspicious: [] },
  };
  const manifest: Manifest = { ...sample, ...own, ...changed };
  await repository.put(manifestKey(attemptKey), encodeManifest(manifest), { signal });
  return manifest;
}
