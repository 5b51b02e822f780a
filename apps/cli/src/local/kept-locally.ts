import { assertDestinationAllowed } from '#common/domain/request.policy.js';
import type { RestoreTarget } from '#common/engines/engine.js';
import type { KeptPlace, KeptPlaces } from '#common/engines/kept.js';
import { AppError } from '#common/errors/app-error.js';
import type { VerbContext } from '../verb.js';
import { newLocalId } from './local-identity.js';

/** What restores put aside on a target. Throws: request.invalid, request.refused; the engine's own codes. */
export const listKeptPlaces = (target: string, { installation, signal }: VerbContext): Promise<readonly KeptPlace[]> =>
  keptOf(target, installation).list(installation.target(target), signal);

export interface KeptWish {
  readonly target: string;
  /** As the list has it. */
  readonly name: string;
  readonly what: 'release' | 'bringBack';
  /** Only look. */
  readonly isPreview: boolean;
}

/** Releases one of them, or brings it back, where the target accepts its destination. Throws: restore.kept-missing, request.refused; the engine's own codes. */
export async function settleKept(
  { target, name, what, isPreview }: KeptWish,
  context: VerbContext,
): Promise<KeptPlace> {
  const { installation, signal } = context;
  const place = (await listKeptPlaces(target, context)).find((each) => each.name === name);
  if (place === undefined) throw new AppError('restore.kept-missing', `target "${target}" keeps no "${name}"`);
  const { destination } = place;
  assertDestinationAllowed({ target, destination }, installation.targetRules(target));
  if (isPreview) return place;
  const identity = { runId: newLocalId(), attempt: 1 };
  await keptOf(target, installation)[what](installation.target(target), place, { identity, signal });
  return place;
}

function keptOf(target: string, installation: VerbContext['installation']): KeptPlaces<RestoreTarget> {
  const { kind, kept } = installation.targetKind(target);
  if (kept !== undefined) return kept;
  throw new AppError('request.refused', `target "${target}" is of kind ${kind}, where no restore puts anything aside`);
}
