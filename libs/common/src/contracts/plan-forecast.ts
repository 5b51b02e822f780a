import { z } from 'zod';

/** Why a recovery plan would not succeed now. */
export const PlanProblem = z.object({
  check: z.string().describe('What was asked, as `holdfast recovery check` names it'),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
});
export type PlanProblem = z.infer<typeof PlanProblem>;

/** What a recovery by the plan would take and lose, if it began now. */
export const PlanForecast = z.object({
  rtoSeconds: z
    .number()
    .min(0)
    .describe('How long its steps last took, in runs of the plan, in restores and drills; of those that were measured'),
  unmeasured: z.array(z.string()).describe('Steps of which it is not known how long they take'),
  rpoSeconds: z
    .number()
    .min(0)
    .nullable()
    .describe('How old the oldest of what would come back is; null: the plan restores nothing'),
  eventsToReplay: z
    .int()
    .min(0)
    .nullable()
    .describe(
      'Written since, by offsets, an upper bound; null: the plan replays nothing, or the position on the bus is not known',
    ),
});
export type PlanForecast = z.infer<typeof PlanForecast>;
