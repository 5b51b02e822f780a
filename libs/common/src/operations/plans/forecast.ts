import type { RunState } from './run-state.js';

/** How long a step took when it last completed. */
export interface Measured {
  readonly seconds: number;
  readonly runId: string;
  readonly at: string;
}

/** By step, of runs of one plan; `runs` are the newest first. A step that was interrupted counts with the try that completed it. */
export function lastMeasured(plan: string, runs: readonly RunState[]): ReadonlyMap<string, Measured> {
  const measured = new Map<string, Measured>();
  for (const { begun, steps } of runs.filter((run) => run.begun.plan === plan)) {
    for (const { name, progress, durationMs, endedAt } of steps) {
      if (measured.has(name) || progress !== 'completed' || durationMs === null || endedAt === null) continue;
      measured.set(name, { seconds: Math.round(durationMs / 100) / 10, runId: begun.runId, at: endedAt });
    }
  }
  return measured;
}

export interface Forecast {
  /** Of the steps that were measured. */
  readonly seconds: number;
  /** Steps of which it is not known how long they take. */
  readonly unmeasured: readonly string[];
}

export function toForecast(steps: readonly string[], measured: ReadonlyMap<string, Measured>): Forecast {
  const seconds = steps.reduce((sum, step) => sum + (measured.get(step)?.seconds ?? 0), 0);
  return { seconds: Math.round(seconds * 10) / 10, unmeasured: steps.filter((step) => !measured.has(step)) };
}
