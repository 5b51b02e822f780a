import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BackupRepository, RepositoryEncryption } from '#common/repository/backup-repository.js';
import { openRepository } from '#common/repository/open-repository.js';
import { runsEvery } from './representative.js';
import { S3Bed } from './s3-bed.js';

export interface StorageBed {
  readonly repository: BackupRepository;
  readonly dispose: () => Promise<void>;
}

/** Both kinds of storage, for specs about what must hold in every repository. */
export const eachStorage: readonly [name: string, open: (encryption?: RepositoryEncryption) => Promise<StorageBed>][] =
  [
    [
      'file://',
      async (encryption) => {
        const root = await mkdtemp(join(tmpdir(), 'holdfast-storage-'));
        const repository = openRepository({ name: 'disk', url: pathToFileURL(root).href, encryption });
        return { repository, dispose: () => rm(root, { recursive: true }) };
      },
    ],
    [
      's3://',
      async (encryption) => {
        const bed = await S3Bed.make();
        const repository = bed.open({ encryption });
        const dispose = async () => {
          await repository.close();
          await bed.dispose();
        };
        return { repository, dispose };
      },
    ],
  ];

/** The same with and without encryption; in `npm test` each storage and each of both once. */
export const eachSealedStorage = eachStorage.flatMap(([storage, open], index) =>
  [false, true]
    .filter((isEncrypted) => runsEvery || isEncrypted === index > 0)
    .map((isEncrypted) => ({ storage, open, isEncrypted })),
);

/** Everything of a dataset or of a backup, `shop/0198…`: its objects, and then what is said about it below `_control/`. */
export const listKeysOf = async (repository: BackupRepository, what: string): Promise<string[]> => [
  ...(await listKeys(repository, what)),
  ...(await listKeys(repository, `_control/backups/${what}`)),
];

export async function listKeys(repository: BackupRepository, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of repository.list(prefix, { signal: new AbortController().signal })) keys.push(key);
  return keys;
}
