import { z } from 'zod';
import { defineStep } from '../define-step.js';

/** A point that only an operator passes. */
export const approve = defineStep(
  'approve',
  { message: z.string().min(1).describe('What the operator has to look at before the plan goes on') },
  { summary: 'Asks the operator, who types the name of the step' },
);
