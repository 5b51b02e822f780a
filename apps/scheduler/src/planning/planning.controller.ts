import { Controller, Inject } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { type PlanDueDeps, planDue } from './plan-due.js';

export const PLANNING = Symbol('planning');
const TICK_MS = 2_000;

/** The one tick: everything that is due by time is decided here. */
@Controller()
export class PlanningController {
  private isBusy = false;

  constructor(@Inject(PLANNING) private readonly deps: PlanDueDeps) {}

  @Interval(TICK_MS)
  async tick(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await planDue(this.deps);
    } catch (error) {
      this.deps.logger.error({ err: error }, 'planning failed, and is tried again at the next tick');
    } finally {
      this.isBusy = false;
    }
  }
}
