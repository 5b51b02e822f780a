import { AppError } from '#common/errors/app-error.js';

export interface AofFile {
  readonly name: string;
  readonly sequence: number;
  readonly type: 'base' | 'increment';
}

/** `file appendonly.aof.1.base.rdb seq 1 type b`; files of type h wait to be deleted. Source: aof.c of Redis 7. */
const LINE = /^file (\S+|"[^"\\]+") seq (\d+) type ([bih])$/;
/** They become names of objects, and words of shell commands. */
const PLAIN = /^[\w.-]+$/;

/** The base, then the increments in order. Throws: redis.aof. */
export function parseAofManifest(text: string, directory: string): readonly AofFile[] {
  const files = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line): AofFile[] => {
      const [, quoted, sequence, type] = LINE.exec(line) ?? [];
      const name = quoted?.replace(/^"|"$/g, '');
      if (name === undefined || !PLAIN.test(name)) {
        throw new AppError(
          'redis.aof',
          `the manifest in ${directory} has a line that cannot be read: ${line.slice(0, 200)}`,
        );
      }
      return type === 'h' ? [] : [{ name, sequence: Number(sequence), type: type === 'b' ? 'base' : 'increment' }];
    });
  if (files.length === 0) throw new AppError('redis.aof', `the manifest in ${directory} names no files`);
  const rank = ({ type, sequence }: AofFile): number => (type === 'base' ? -1 : sequence);
  return files.toSorted((a, b) => rank(a) - rank(b));
}

export const formatAofManifest = (files: readonly AofFile[]): string =>
  files
    .map(({ name, sequence, type }) => `file ${name} seq ${sequence} type ${type === 'base' ? 'b' : 'i'}\n`)
    .join('');
