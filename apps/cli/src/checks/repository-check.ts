import { createHash, randomBytes } from 'node:crypto';
import type { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { Check } from '#common/engines/check.js';
import { AppError } from '#common/errors/app-error.js';
import { openCanary, openIndexCanary } from '#common/operations/canary.js';
import type { BackupRepository, ObjectKey, RepositoryTraits } from '#common/repository/backup-repository.js';
import { probeKey } from '#common/repository/layout.js';
import { Sealing } from '#common/sealing/sealing.js';
import { toSize } from '../output/sizes.js';
import type { VerbContext } from '../verb.js';

/** More than one part of this size would make the check a transfer. */
const MAX_PROBE_BYTES = 64 * 1024 * 1024;
const NOT_A_STORE =
  'What answers there does not keep what it is given: a proxy, a cache or another program; correct `endpoint` and `url` of the repository.';

/** What needs the storage itself needs this check. */
export const storageCheckName = (repository: string): string => `repository ${repository}: write, list, read, remove`;

/** Does what runs do: writes an object in one request and one in parts, lists both, reads them back, removes them. */
export const repositoryCheck = (name: string, { installation, signal }: VerbContext): Check => ({
  name: storageCheckName(name),
  run: async () => {
    const repository = installation.repository(name);
    const folder = probeKey(randomBytes(8).toString('hex'));
    const bodies = new Map([
      [`${folder}/small`, Buffer.from('holdfast check\n')],
      [`${folder}/in-parts`, randomBytes(toLargeBytes(installation.config.repositories[name]))],
    ]);
    try {
      for (const [key, body] of bodies) await repository.put(key, body, { signal });
      await requireListed(repository, folder, bodies, signal);
      for (const [key, body] of bodies) await requireSame(repository, key, body, signal);
    } catch (error) {
      const soon = AbortSignal.timeout(10_000);
      for (const key of bodies.keys()) await repository.remove(key, { signal: soon }).catch(() => undefined);
      throw error;
    }
    for (const key of bodies.keys()) await repository.remove(key, { signal });
    return `${repository.location}; ${toTraitText(await repository.traits({ signal }))}`;
  },
});

/** Backups that this machine cannot open deserve a sentence before the night on which an operator needs them. */
export const encryptionCheck = (name: string, { installation, signal }: VerbContext): Check => ({
  name: `repository ${name}: encryption`,
  needs: [storageCheckName(name)],
  run: async () => {
    const repository = installation.repository(name);
    const { recipients, identity } = repository.encryption;
    if (recipients.length === 0) return 'backups are compressed, and not encrypted';
    await new Sealing({ compression: { level: 1, threads: 1 }, recipients }).versions(signal);
    const sealed = `sealed for ${recipients.join(', ')}`;
    if (identity === undefined) return `${sealed}; no identity is configured here, so no restore runs here`;
    await openCanary(repository, { signal });
    return `${sealed}; the identity here opens what is written`;
  },
});

/** What executors need to share content, and what an identity that is not the one of earlier backups would quietly undo. */
export const indexCheck = (name: string, { installation, signal }: VerbContext): Check => ({
  name: `repository ${name}: index identity`,
  needs: [storageCheckName(name)],
  run: async () => {
    const repository = installation.repository(name);
    const { recipients, indexIdentity } = repository.encryption;
    if (recipients.length === 0) return 'the names of shared content are digests of it: backups are not encrypted';
    if (indexIdentity === undefined && !installation.sharesContent(name)) return 'no dataset here shares content';
    const others = await openIndexCanary(repository, { signal });
    const earlier = others.length === 0 ? '' : `; content was also shared by ${others.join(', ')}, which is not here`;
    return `the index identity here opens what is written${earlier}`;
  },
});

type RepositoryConfig = HoldfastConfig['repositories'][string];

/** Just more than one part. */
const toLargeBytes = (config: RepositoryConfig | undefined): number =>
  Math.min(config?.partSizeBytes ?? 0, MAX_PROBE_BYTES) + 1;

type Bodies = ReadonlyMap<ObjectKey, Buffer>;

async function requireListed(repository: BackupRepository, folder: string, bodies: Bodies, signal: AbortSignal) {
  const found = new Map<ObjectKey, number>();
  for await (const { key, sizeBytes } of repository.list(folder, { signal })) found.set(key, sizeBytes);
  for (const [key, { length }] of bodies) {
    const sizeBytes = found.get(key);
    if (sizeBytes === length) continue;
    const seen = sizeBytes === undefined ? 'does not list it' : `lists it with ${sizeBytes} bytes`;
    throw toStorageError(repository, key, `it took ${length} bytes and ${seen}`);
  }
}

async function requireSame(repository: BackupRepository, key: ObjectKey, body: Buffer, signal: AbortSignal) {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of await repository.get(key, { signal })) {
    digest.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
  }
  if (digest.digest('hex') === createHash('sha256').update(body).digest('hex')) return;
  throw toStorageError(
    repository,
    key,
    `it took ${body.length} bytes and gave back ${sizeBytes} that are not the same`,
  );
}

const toStorageError = ({ location }: BackupRepository, key: ObjectKey, found: string): AppError =>
  new AppError('repository.protocol', `${location} does not keep ${key}: ${found}`, { key }, { hint: NOT_A_STORE });

function toTraitText({ maxObjectBytes, ...traits }: RepositoryTraits): string {
  const has = Object.entries(traits).map(([trait, isThere]) => `${trait} ${isThere ? 'yes' : 'no'}`);
  return [...has, ...(maxObjectBytes === null ? [] : [`objects of up to ${toSize(maxObjectBytes)}`])].join(', ');
}
