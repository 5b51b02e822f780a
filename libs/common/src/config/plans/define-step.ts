import { z } from 'zod';
import { BackupRef } from '#common/contracts/names.js';

/** A step is named in commands, in journals and in references: `${steps.restore-db.destination}`. */
export const StepName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'use 1-63 of a-z, 0-9, dash, underscore');

/** At most a week: a timer of more than 24 days would fire at once. */
export const Milliseconds = z.int().max(7 * 86_400_000);

/** `latest`, `latest:METHOD`, an id, or what a step before restored. */
export const PlannedBackup = z
  .string()
  .refine((text) => text.startsWith('${steps.') || BackupRef.safeParse(text).success, {
    error: 'must be `latest`, `latest:METHOD`, an id of a backup, or ${steps.NAME.backupId}',
  });

/** What every step says. */
const StepBase = z.object({
  name: StepName,
  timeoutMs: Milliseconds.min(100)
    .optional()
    .describe(
      'Each try of the step fails after so long; default: exec an hour, http and wait ten minutes, others never',
    ),
  retries: z
    .strictObject({
      times: z.int().min(1).max(100),
      pauseMs: Milliseconds.min(0).default(5_000).describe('Before each further try'),
    })
    .optional()
    .describe('A step that failed is tried again so often; only for steps that may be repeated'),
  always: z
    .boolean()
    .default(false)
    .describe('Runs at the end, also after a step before it failed; such steps stand last'),
});

export type CommonStep = z.output<typeof StepBase>;

/** Names of the configuration that a step uses. */
export interface UsedNames {
  readonly dataset?: string | undefined;
  readonly target?: string | undefined;
  readonly profile?: string | undefined;
}

/** What the configuration says of one kind of step. What such a step does is in apps/cli/src/plans/steps/. */
export interface StepKind<Use extends string = string, Step = CommonStep & { readonly use: string }> {
  readonly use: Use;
  readonly schema: z.ZodObject;
  /** What later steps may refer to. */
  outputs(step: Step): readonly string[];
  /** Its outputs may hold secrets: they stay out of reports, and no argument of a program may refer to them. */
  readonly hasSecretOutputs: boolean;
  /** Whether it can be done again when it began and did not complete: nothing is harmed or done twice by that. */
  isRepeatable(step: Step): boolean;
  names(step: Step): UsedNames;
  /** Where the step says none; undefined: it may take as long as it takes. */
  readonly timeoutMs: number | undefined;
}

type Params = z.ZodRawShape;

interface Definition<Step> {
  readonly summary: string;
  readonly outputs?: (step: Step) => readonly string[];
  readonly hasSecretOutputs?: boolean;
  readonly isRepeatable?: (step: Step) => boolean;
  readonly names?: (step: Step) => UsedNames;
  readonly timeoutMs?: number;
}

/** Ties the options of a kind of step to what is known of it beforehand. Repeatable, without outputs and names, unless said otherwise. */
export function defineStep<Use extends string, P extends Params>(
  use: Use,
  params: P,
  definition: Definition<StepOf<Use, P>>,
) {
  const { summary, outputs = () => [], hasSecretOutputs = false, timeoutMs } = definition;
  const { isRepeatable = () => true, names = () => ({}) } = definition;
  const schema = z.strictObject({ use: z.literal(use), ...params, ...StepBase.shape }).describe(summary);
  return { use, schema, outputs, hasSecretOutputs, isRepeatable, names, timeoutMs };
}

type StepOf<Use extends string, P extends Params> = z.output<z.ZodObject<P>> & CommonStep & { readonly use: Use };
