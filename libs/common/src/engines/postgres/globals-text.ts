import { AppError } from '#common/errors/app-error.js';

/** A role's name as `pg_dumpall` prints it, for regular expressions. */
export const PRINTED_ROLE = `("(?:[^"]|"")+"|[^\\s;]+)`;

/** Comments, psql's own commands and the space between are the first group, statements the second. A value may have line breaks. */
const PIECE = /(--[^\n]*|\s+)|(\\[^\n]*|(?:[^'";]|'[^']*'|"[^"]*")+;)/gy;

/**
 * The statements of `pg_dumpall --roles-only` text: what stands inside a comment or a value is none, whatever it looks like.
 * Throws: engine.output.
 */
export function toGlobalStatements(globals: string): string[] {
  const pieces = [...globals.matchAll(PIECE)];
  const length = pieces.reduce((sum, [piece]) => sum + piece.length, 0);
  if (length < globals.length)
    throw new AppError('engine.output', `the globals hold what is no whole statement, at character ${length}`, {
      at: length,
    });
  return pieces.flatMap(([, , statement]) => statement ?? []);
}
