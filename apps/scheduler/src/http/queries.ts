import { z } from 'zod';
import type { RunFilter } from '#common/catalog/stores/runs/run-list.store.js';
import { RunKinds, RunStates } from '#common/domain/run.js';

/** What the CLI and other callers put into `POST /requests/:type`. */
export const RequestBody = z.strictObject({
  id: z.string().min(1).max(200).describe('Chosen by the caller: the same id again is the same request'),
  data: z.unknown(),
});

const RunQuery = z.strictObject({
  dataset: z.string().optional(),
  kind: z.enum(RunKinds).optional(),
  state: z.enum(RunStates).optional(),
  before: z.coerce.number().int().optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  order: z.enum(['newest', 'queue']).optional(),
});

/** Throws: ZodError. */
export function parseRunFilter(query: unknown): RunFilter {
  const { kind, state, ...rest } = RunQuery.parse(query);
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as Partial<RunFilter>),
    ...(kind === undefined ? {} : { kinds: [kind] }),
    ...(state === undefined ? {} : { states: [state] }),
  };
}
