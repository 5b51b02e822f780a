import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#common/errors/app-error.js';

export interface MigrationFile {
  readonly number: number;
  /** `0001-runs.sql` */
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

const IN_PACKAGE = 'libs/common/src/catalog/migrations';

/** The compiler leaves .sql files in the source tree: they are found from the package's root, also from dist/ and in an image. */
export function defaultMigrationsFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new AppError('internal.bug', `no package.json above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
  return join(folder, IN_PACKAGE);
}

const numberOf = (name: string | undefined): number => Number(/^(\d{4})-/.exec(name ?? '')?.[1]);

/** In order; a number may be left out by work that has not landed yet. Throws: catalog.drift when one is missing in a name or doubled. */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = numberOf(name);
      if (Number.isNaN(number) || number === numberOf(names[index - 1])) {
        throw new AppError('catalog.drift', `migration ${name} has no number of its own`, { folder });
      }
      const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { number, name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/**
 * What is still to be applied. Migrations of a newer version are left alone: during a rolling upgrade both versions run.
 * Throws: catalog.drift, naming the file that was changed or removed after it was applied.
 */
export function decidePending(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): readonly MigrationFile[] {
  const byNumber = new Map(files.map((file) => [file.number, file]));
  const newest = files.at(-1)?.number ?? 0;
  for (const { number, name, sha256 } of applied) {
    const file = byNumber.get(number);
    if (file === undefined && number <= newest)
      throw new AppError('catalog.drift', `migration ${name} was applied, and its file is gone`, { applied: sha256 });
    if (file !== undefined && file.sha256 !== sha256) {
      throw new AppError(
        'catalog.drift',
        `migration ${name} was applied with other content than ${file.name} has now`,
        {
          applied: sha256,
          found: file.sha256,
        },
      );
    }
  }
  const done = new Set(applied.map(({ number }) => number));
  return files.filter(({ number }) => !done.has(number));
}
