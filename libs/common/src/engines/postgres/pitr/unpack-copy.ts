import { createWriteStream } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Material } from '#common/engines/material.js';
import { MANIFEST } from '#common/engines/postgres/base/base-archives.js';
import { BASE } from '#common/engines/postgres/base/base-by-hand.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import { AppError } from '#common/errors/app-error.js';
import type { SystemUser } from '#common/process/command.js';
import { runCommand } from '#common/process/run-command.js';
import { giveTo } from './ownership.js';

/** The objects of one copy, checked against its manifest on the way. */
export type CopyMaterial = Pick<Material, 'pipe' | 'open'>;

/** Where a copy goes. */
export interface CopyPlace {
  /** Absent or empty. */
  readonly directory: string;
  /** Where a tablespace of a number is to lie: absent or empty. */
  readonly toTablespace: (oid: string) => string;
}

export interface CopyOptions extends CopyPlace {
  readonly material: CopyMaterial;
  /** Numbers of those that the copy brings. */
  readonly tablespaces: readonly string[];
  readonly toolset: PgToolset;
  readonly owner: SystemUser | undefined;
  readonly signal: AbortSignal;
  readonly onStage?: ((stage: string) => void) | undefined;
}

/** Unpacks one copy, full or not, and proves every file by its own manifest. Throws: recovery.directory, backup.corrupt, engine.*. */
export async function unpackCopy(o: CopyOptions): Promise<void> {
  const { directory, toTablespace, material, owner } = o;
  await makeEmpty(directory, owner);
  await untar(BASE, directory, o);
  for (const oid of o.tablespaces) {
    const folder = toTablespace(oid);
    await makeEmpty(folder, owner);
    await untar(`${oid}.tar`, folder, o);
    await symlink(folder, join(directory, 'pg_tblspc', oid));
  }
  o.onStage?.('verify');
  const manifest = join(directory, MANIFEST);
  await pipeline(await material.open(MANIFEST), createWriteStream(manifest, { mode: 0o600 }), { signal: o.signal });
  await giveTo(manifest, owner);
  await verifyFiles(o);
}

/** Throws: recovery.directory. */
export async function makeEmpty(folder: string, owner: SystemUser | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await giveTo(folder, owner);
  const [entry] = await readdir(folder);
  if (entry !== undefined)
    throw new AppError('recovery.directory', `${folder} is not empty: it has ${JSON.stringify(entry)}`);
}

const untar = (object: string, folder: string, { material, owner, onStage }: CopyOptions): Promise<void> => {
  onStage?.(object);
  const args = ['--extract', '--no-same-owner', '--preserve-permissions', '--file=-', `--directory=${folder}`];
  return material.pipe(object, { program: 'tar', args, user: owner });
};

/** Throws: backup.corrupt, naming what `pg_verifybackup` found. */
export async function verifyFiles({
  directory,
  toolset,
  owner,
  signal,
}: Pick<CopyOptions, 'directory' | 'toolset' | 'owner' | 'signal'>): Promise<void> {
  const args = ['--no-parse-wal', '--quiet', directory];
  await runCommand({ program: toolset.path('pg_verifybackup'), args, cwd: directory, user: owner }, { signal }).catch(
    (cause: unknown) => {
      signal.throwIfAborted();
      const said = cause instanceof AppError ? cause.message : '';
      const message = `the unpacked files are not those of the backup's own manifest: ${said}`;
      throw new AppError('backup.corrupt', message, {}, { cause });
    },
  );
}
