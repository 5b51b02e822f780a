import { access, constants } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Check } from '#common/engines/check.js';
import { ownerFor } from '#common/engines/postgres/pitr/ownership.js';
import { AppError } from '#common/errors/app-error.js';

/** Could this machine make a data directory there tonight? */
export const recoveryDirectoryCheck = (target: string, root: string): Check => ({
  name: `target ${target}: directory`,
  run: async () => {
    const owner = await ownerFor(join(root, 'any'));
    await access(root, constants.W_OK).catch((cause: unknown) => {
      throw new AppError('recovery.directory', `cannot write to ${root}`, {}, { cause });
    });
    const user = owner === undefined ? '' : `, which PostgreSQL runs in as user ${owner.uid}`;
    return `clusters can be recovered in ${root} on ${hostname()}${user}`;
  },
});
