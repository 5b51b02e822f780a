import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { firstNames } from '#common/contracts/fit.js';
import { Instant, PlanName } from '#common/contracts/names.js';
import { PlanForecast } from '#common/contracts/plan-forecast.js';

/** A recovery plan that would have failed would succeed again. */
export const RecoveryReassured = defineEvent({
  type: 'recovery.reassured',
  version: 1,
  summary: 'A recovery plan that would have failed would succeed again',
  key: (data) => data.plan,
  fit: (data) => ({
    ...data,
    forecast: data.forecast && { ...data.forecast, unmeasured: firstNames(data.forecast.unmeasured) },
  }),
  data: z.object({
    plan: PlanName,
    forecast: PlanForecast.nullable(),
    endangeredSince: Instant,
    evaluatedAt: Instant,
  }),
});
