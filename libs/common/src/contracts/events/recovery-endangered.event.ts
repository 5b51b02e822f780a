import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { cutText, firstNames, firstWithin } from '#common/contracts/fit.js';
import { Instant, PlanName } from '#common/contracts/names.js';
import { PlanForecast, PlanProblem } from '#common/contracts/plan-forecast.js';

const LIST_BYTES = 256 * 1024;

/** A recovery plan would fail if it were needed now. It is published once for the same problems. */
export const RecoveryEndangered = defineEvent({
  type: 'recovery.endangered',
  version: 1,
  summary: 'A recovery plan would fail if it were needed now',
  key: (data) => data.plan,
  fit: (data) => {
    const cut = data.problems.map((each) => ({ ...each, message: cutText(each.message), hint: cutText(each.hint) }));
    const problems = firstWithin(cut, LIST_BYTES);
    const forecast = data.forecast && { ...data.forecast, unmeasured: firstNames(data.forecast.unmeasured) };
    return { ...data, forecast, problems, ...(problems.length < cut.length ? { problemsTotal: cut.length } : {}) };
  },
  data: z.object({
    plan: PlanName,
    problems: z.array(PlanProblem).min(1),
    problemsTotal: z.int().optional().describe('How many there are, where the event holds only the first'),
    forecast: PlanForecast.nullable(),
    evaluatedAt: Instant,
  }),
});
