import { z } from 'zod';
import { PointName } from '#common/contracts/names.js';
import { findStepProblems } from './find-step-problems.js';
import { PlanStep } from './plan-steps.js';

/** A disaster checklist as a program: steps one after the other, then those that always run. */
export const PlanConfig = z.strictObject({
  summary: z.string().optional().describe('For what the plan is, in a sentence'),
  evaluate: z
    .boolean()
    .default(true)
    .describe('A scheduler asks every half hour whether it would succeed; false where only another machine can say'),
  point: PointName.optional().describe(
    'Restores of its members bring back one moment of all of them: the newest possible, or the one that the operator names',
  ),
  steps: z
    .array(PlanStep)
    .min(1)
    .superRefine((steps, context) => {
      for (const { index, message } of findStepProblems(steps))
        context.addIssue({ code: 'custom', path: [index], message });
    }),
});

export type PlanConfig = z.output<typeof PlanConfig>;
