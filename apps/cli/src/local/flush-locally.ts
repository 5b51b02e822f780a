import { assertDestinationAllowed } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import type { VerbContext } from '../verb.js';

export interface FlushWish {
  readonly target: string;
  readonly destination: string;
  readonly pattern: string | undefined;
  /** Only count. */
  readonly isPreview: boolean;
}

/** Empties a cache, all of it or by a pattern; returns how many keys went, or would go. Throws: request.refused; the engine's own codes. */
export async function flushLocally(
  { target, destination, pattern, isPreview }: FlushWish,
  { installation, output, signal }: VerbContext,
): Promise<number> {
  const kind = installation.targetKind(target);
  assertDestinationAllowed({ target, destination }, installation.targetRules(target));
  if (kind.flush === undefined)
    throw new AppError('request.refused', `target "${target}" is of kind ${kind.kind}, which is no cache`);
  const startedAt = performance.now();
  return kind.flush(installation.target(target), destination, {
    ...{ signal, pattern, isPreview },
    onProgress: (count) => output.progress(`flush ${destination}, ${count} keys`, null, performance.now() - startedAt),
  });
}
