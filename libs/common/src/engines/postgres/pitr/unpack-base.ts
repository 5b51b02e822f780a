import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { Material } from '#common/engines/material.js';
import { MANIFEST } from '#common/engines/postgres/base/base-archives.js';
import { BASE } from '#common/engines/postgres/base/base-by-hand.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import { AppError } from '#common/errors/app-error.js';
import type { SystemUser } from '#common/process/command.js';
import { runCommand } from '#common/process/run-command.js';
import { giveTo } from './ownership.js';

/** The objects of a base backup, checked against its manifest on the way. */
export type BaseMaterial = Pick<Material, 'pipe' | 'open'>;

export interface UnpackOptions {
  readonly facts: BaseFacts;
  readonly material: BaseMaterial;
  /** Absent or empty. */
  readonly directory: string;
  /** Where a tablespace of a number is to lie: absent or empty. */
  readonly toTablespace: (oid: string) => string;
  readonly toolset: PgToolset;
  readonly owner: SystemUser | undefined;
  readonly signal: AbortSignal;
  readonly onStage?: ((stage: string) => void) | undefined;
}

/**
 * Makes the data directory, proves every file by the backup's own manifest, and leads its tablespaces to folders of its own: those of the
 * source may be in use. Throws: recovery.directory, backup.corrupt, engine.*.
 */
export async function unpackBase(o: UnpackOptions): Promise<void> {
  const { facts, material, directory, toTablespace, owner } = o;
  await makeEmpty(directory, owner);
  await untar(BASE, directory, o);
  for (const { oid, object } of facts.tablespaces) {
    const folder = toTablespace(oid);
    await makeEmpty(folder, owner);
    await untar(object, folder, o);
    await symlink(folder, join(directory, 'pg_tblspc', oid));
  }
  o.onStage?.('verify');
  const manifest = join(directory, MANIFEST);
  await pipeline(await material.open(MANIFEST), createWriteStream(manifest, { mode: 0o600 }), { signal: o.signal });
  await giveTo(manifest, owner);
  await verify(o);
  // A copy of a standby would wait for its primary.
  await rm(join(directory, 'standby.signal'), { force: true });
  await forgetTargets(join(directory, 'postgresql.auto.conf'));
  if (facts.tablespaces.length > 0) await remapTablespaces(directory, { known: facts.tablespaces, toTablespace });
}

async function makeEmpty(folder: string, owner: SystemUser | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await giveTo(folder, owner);
  const [entry] = await readdir(folder);
  if (entry !== undefined)
    throw new AppError('recovery.directory', `${folder} is not empty: it has ${JSON.stringify(entry)}`);
}

const untar = (object: string, folder: string, { material, owner, onStage }: UnpackOptions): Promise<void> => {
  onStage?.(object);
  const args = ['--extract', '--no-same-owner', '--preserve-permissions', '--file=-', `--directory=${folder}`];
  return material.pipe(object, { program: 'tar', args, user: owner });
};

async function verify({ directory, toolset, owner, signal }: UnpackOptions): Promise<void> {
  const args = ['--no-parse-wal', '--quiet', directory];
  await runCommand({ program: toolset.path('pg_verifybackup'), args, cwd: directory, user: owner }, { signal }).catch(
    (cause: unknown) => {
      signal.throwIfAborted();
      const said = cause instanceof AppError ? cause.message : '';
      throw new AppError(
        'backup.corrupt',
        `the unpacked files are not those of the backup's own manifest: ${said}`,
        {},
        { cause },
      );
    },
  );
}

/** Of an earlier recovery of the source: a server takes no second target. */
async function forgetTargets(file: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const kept = lines.filter((line) => !/^\s*recovery_target(?:_\w+)?\s*=/.test(line));
  if (kept.length < lines.length) await writeFile(file, kept.join('\n'));
}

interface Remapping {
  readonly known: BaseFacts['tablespaces'];
  readonly toTablespace: (oid: string) => string;
}

/** The server makes the links anew from this file at its first start. */
async function remapTablespaces(directory: string, { known, toTablespace }: Remapping): Promise<void> {
  const file = join(directory, 'tablespace_map');
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  const oids = new Set(known.map(({ oid }) => oid));
  const moved = lines.map((line) => {
    const oid = line.slice(0, line.indexOf(' '));
    return oids.has(oid) ? `${oid} ${toTablespace(oid)}` : line;
  });
  await writeFile(file, `${moved.join('\n')}\n`);
}
