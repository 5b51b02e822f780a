import { AppError } from '#common/errors/app-error.js';

/** Every index gets its own name back. */
export const SAME = 'same';
/** Its end tells a prefix from the word above. */
const PREFIX = /^[a-zA-Z0-9_-]{0,99}[_-]$/;

/** `same`, or a prefix. Throws: request.invalid. */
export function toDestination(wanted: string = SAME): string {
  if (wanted === SAME || (PREFIX.test(wanted) && !wanted.startsWith('holdfast-'))) return wanted;
  const said = `"${wanted}" is no destination of indexes: say \`${SAME}\`, or a prefix that ends with a dash or an underscore`;
  throw new AppError('request.invalid', said);
}

export const toPrefix = (destination: string): string => (destination === SAME ? '' : destination);
