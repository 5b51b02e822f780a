import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import type { BaseMaterial } from '#common/engines/postgres/pitr/unpack-base.js';
import { AppError } from '#common/errors/app-error.js';
import { checkedBody } from '#common/operations/spool-object.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { toUnsealing, unsealBytes } from '#common/sealing/sealing.js';

export interface MaterialDeps {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

/** The objects of a base backup, straight from the repository: nothing is spooled, every byte is checked. */
export function baseMaterial(manifest: Manifest, { repository, keyring, signal }: MaterialDeps): BaseMaterial {
  return {
    pipe: async (name, through) => {
      const object = objectOf(manifest, name);
      const body = await checkedBody(object, repository, { signal });
      const input = new PassThrough();
      const chain = spawnChain([...toUnsealing(object, keyring), through], { signal, input });
      chain.stdout.resume();
      chain.ended.catch((error) => input.destroy(error as Error));
      const [read, done] = await Promise.allSettled([pipeline(body, input, { signal }), chain.ended]);
      signal.throwIfAborted();
      // What is wrong with the bytes is the cause, and how a program took it the consequence.
      if (read.status === 'rejected' && read.reason instanceof AppError && read.reason.code !== 'engine.exit')
        throw read.reason;
      if (done.status === 'rejected') throw done.reason;
      if (read.status === 'rejected') throw read.reason;
    },
    read: async (name) => {
      const object = objectOf(manifest, name);
      const sealed = await buffer(await checkedBody(object, repository, { signal }));
      try {
        return Buffer.from(await unsealBytes(sealed, object, keyring));
      } catch (cause) {
        throw new AppError('backup.corrupt', `object ${object.key} cannot be opened`, { key: object.key }, { cause });
      }
    },
  };
}

const SUFFIXES = ['', '.zst', '.age', '.zst.age'];

function objectOf({ backupId, objects }: Manifest, name: string): ManifestObject {
  const found = objects.find((object) => SUFFIXES.some((suffix) => object.name === `${name}${suffix}`));
  if (found !== undefined) return found;
  throw new AppError('backup.corrupt', `backup ${backupId} has no object ${name}`);
}
