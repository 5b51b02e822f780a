import { resolveMethod } from '#common/engines/engines.js';
import { toAppError } from '#common/errors/app-error.js';

/** Why a kind of dataset has no such method; undefined where it has. */
export function problemOfMethod(kind: string, method: string | undefined): string | undefined {
  try {
    resolveMethod(kind, method);
    return undefined;
  } catch (error) {
    return toAppError(error).message;
  }
}
