import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { Material } from '#common/engines/material.js';
import { AppError } from '#common/errors/app-error.js';
import { runCommand } from '#common/process/run-command.js';
import { giveTo } from './ownership.js';
import { type CopyOptions, unpackCopy, verifyFiles } from './unpack-copy.js';

/** The objects of a base backup and of those that it builds on, checked against their manifests on the way. */
export type BaseMaterial = Pick<Material, 'pipe' | 'open' | 'needed'>;

export interface UnpackOptions extends Omit<CopyOptions, 'tablespaces'> {
  readonly facts: BaseFacts;
  readonly material: BaseMaterial;
}

/**
 * Makes one data directory of a full copy and the increments upon it. Each is unpacked beside, proven by its own manifest, and goes when all are put
 * together; what came of it is proven as well. Throws: recovery.directory, backup.corrupt, backup.missing, backup.damaged, recovery.failed, engine.*.
 * Source: PostgreSQL "pg_combinebackup".
 */
export async function combineCopies(o: UnpackOptions): Promise<void> {
  const { facts, material, directory, toTablespace, toolset, owner, signal, onStage } = o;
  const parts = `${directory}.parts`;
  const placeOf = (index: number) => ({
    directory: join(parts, String(index)),
    toTablespace: (oid: string) => join(parts, `${index}-${oid}`),
  });
  await mkdir(parts, { mode: 0o700 });
  await giveTo(parts, owner);
  const common = { toolset, owner, signal, onStage };
  for (const [index, { backupId, tablespaces }] of facts.chain.entries()) {
    onStage?.(`backup ${index + 1} of ${facts.chain.length + 1}`);
    const needed = await material.needed(backupId);
    await unpackCopy({ ...common, ...placeOf(index), material: needed, tablespaces });
  }
  const last = placeOf(facts.chain.length);
  const oids = facts.tablespaces.map(({ oid }) => oid);
  onStage?.(`backup ${facts.chain.length + 1} of ${facts.chain.length + 1}`);
  await unpackCopy({ ...common, ...last, material, tablespaces: oids });
  onStage?.('combine');
  const mapping = oids.map(
    (oid) => `--tablespace-mapping=${escapePath(last.toTablespace(oid))}=${escapePath(toTablespace(oid))}`,
  );
  // From 18 on a file that no increment has changed is linked instead of copied: the parts go, and it stays.
  const major = Math.floor(facts.serverVersionNum / 10_000);
  const inputs = [...facts.chain.keys(), facts.chain.length].map((index) => placeOf(index).directory);
  const args = ['--no-sync', ...(major >= 18 ? ['--link'] : []), ...mapping, `--output=${directory}`, ...inputs];
  const command = { program: toolset.path('pg_combinebackup'), args, cwd: dirname(directory), user: owner };
  await runCommand(command, { signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    const said = cause instanceof AppError ? cause.message : '';
    throw new AppError('recovery.failed', `the copies cannot be put together: ${said}`, { directory }, { cause });
  });
  onStage?.('verify');
  await verifyFiles({ directory, toolset, owner, signal });
  await rm(parts, { recursive: true, force: true });
}

/** The program takes what follows the first `=` that is not escaped for the new place. */
const escapePath = (path: string): string => path.replaceAll('=', '\\=');
