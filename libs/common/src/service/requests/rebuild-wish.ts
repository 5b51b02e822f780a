import { assertRestoreAllowed } from '#common/domain/request.policy.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import type { Rebuild } from '#common/engines/rebuild.js';
import { AppError } from '#common/errors/app-error.js';
import type { Installation } from '../installation.js';

export interface AskedRebuild {
  readonly dataset: string;
  readonly target: string;
  readonly destination?: string | undefined;
  readonly parts?: readonly string[] | undefined;
}

export interface RebuildWish {
  readonly rebuild: Rebuild<ProtectedDataset, RestoreTarget>;
  readonly destination: string;
  readonly parts: readonly string[];
}

/**
 * What the configuration makes of a request for a rebuild. It replaces what is there, so the target must accept that strategy.
 * Throws: request.refused, request.invalid.
 */
export function toRebuildWish(asked: AskedRebuild, installation: Installation): RebuildWish {
  const { dataset, target } = asked;
  const { kind, rebuild } = installation.targetKind(target);
  const destination = installation.destination(dataset, target, asked.destination);
  assertRestoreAllowed({ dataset, target, destination, strategy: 'replace' }, installation.targetRules(target));
  const known = rebuild?.parts(installation.dataset(dataset)) ?? [];
  if (rebuild === undefined || known.length === 0) {
    const why =
      rebuild === undefined ? `kind ${kind} is made of nothing else` : 'it has no `rebuild` in the configuration';
    const hint = 'Say under `rebuild` of the dataset of which rows each index is made.';
    throw new AppError('request.refused', `dataset "${dataset}" cannot be rebuilt: ${why}`, {}, { hint });
  }
  const unknown = (asked.parts ?? []).filter((part) => !known.includes(part));
  if (unknown.length === 0) return { rebuild, destination, parts: [...new Set(asked.parts ?? known)] };
  const message = `dataset "${dataset}" does not say how to rebuild ${unknown.join(', ')}`;
  throw new AppError('request.refused', message, { known: [...known] });
}
