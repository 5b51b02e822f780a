import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { RestoreTarget } from '#common/engines/engine.js';
import type { FencePlace } from '#common/engines/file-fence.js';
import { defineOptions } from '#common/engines/options.js';
import { AppError } from '#common/errors/app-error.js';

/** A folder of this machine in which clusters are put, each in a directory of its own. */
export interface DirectoryTarget extends RestoreTarget {
  readonly root: string;
  /** What becomes of the server of a cluster that was put there. */
  readonly leave: 'stopped' | 'running';
  readonly toolDirectories: readonly string[];
}

const TargetOptions = z.strictObject({
  directory: z
    .string()
    .refine(isAbsolute, 'must be an absolute path')
    .describe(
      'Where executors put clusters, each in a folder of its own; its owner is who PostgreSQL runs as, and not root. On several machines: the same storage',
    ),
  leave: z
    .enum(['stopped', 'running'])
    .default('stopped')
    .describe('running: a server that only a socket beside the data directory reaches, and that archives nothing'),
  toolDirectories: z
    .array(z.string())
    .default([])
    .describe('Searched for the server programs before the well-known places'),
});

/** What holdfast.yaml says of it. */
export const directoryTarget = defineOptions(
  TargetOptions.strip(),
  ({ name }: RestoreTarget, { directory, leave, toolDirectories }): DirectoryTarget => ({
    ...{ name, root: directory, leave, toolDirectories },
  }),
);

/** Throws: request.invalid. */
export function toDirectoryName(wanted: string | undefined, dataset: { readonly name: string }): string {
  const name = wanted ?? dataset.name;
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name)) return name;
  const message = `"${name}" names no directory: use 1-63 letters, digits, dots, dashes, underscores, and begin with a letter or digit`;
  throw new AppError('request.invalid', message);
}

export const folderOf = ({ root }: DirectoryTarget, destination: string): string => join(root, destination);

export const fencePlaceOf = ({ root }: DirectoryTarget, destination: string): FencePlace => ({
  file: join(root, `.holdfast-${destination}.lock`),
  code: 'recovery.directory',
});

/** The destination of a lock file; undefined for any other name. */
export const lockedBy = (name: string): string | undefined => /^\.holdfast-(.+)\.lock$/.exec(name)?.[1];
