import type { Json, JsonObject } from '#common/domain/json.js';
import { AppError } from '#common/errors/app-error.js';
import type { JournalLine, LineOf, StepHead } from './journal-line.js';

/** `begun`: it was begun, and no line tells how it ended: it is under way, or was interrupted. */
export type StepProgress = 'pending' | 'begun' | 'failed' | 'completed' | 'skipped';

export interface StepState extends StepHead {
  readonly progress: StepProgress;
  /** How often it was begun. */
  readonly attempts: number;
  /** From where a later attempt goes on. */
  readonly note: JsonObject | null;
  /** The operator has it repeated although it may not be by itself. */
  readonly isAllowed: boolean;
  /** Failed since the run was last begun or resumed: it is not tried again before the operator resumes. */
  readonly isGivenUp: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly evidence: Readonly<Record<string, Json>>;
  readonly problem: LineOf<'step-failed'>['problem'] | null;
  readonly reason: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Of the attempt that ended it. */
  readonly durationMs: number | null;
}

export interface RunState {
  readonly begun: LineOf<'begun'>;
  readonly resumed: readonly LineOf<'resumed'>[];
  /** In the order of the plan as it was when it was last begun or resumed. */
  readonly steps: readonly StepState[];
  readonly outcome: 'completed' | 'failed' | null;
  /** Of the last line. */
  readonly lastAt: string;
}

const fresh = (head: StepHead): StepState => ({
  ...head,
  ...{ progress: 'pending', attempts: 0, note: null, isAllowed: false, isGivenUp: false, outputs: {}, evidence: {} },
  ...{ problem: null, reason: null, startedAt: null, endedAt: null, durationMs: null },
});

/** What a journal says. Throws: plan.journal where its lines do not fit together. */
export function toRunState(lines: readonly JournalLine[]): RunState {
  const [begun, ...rest] = lines;
  if (begun?.type !== 'begun') throw new AppError('plan.journal', 'the journal does not say which plan was begun');
  const start: RunState = { begun, resumed: [], steps: begun.steps.map(fresh), outcome: null, lastAt: begun.at };
  return rest.reduce((run, line) => ({ ...addLine(run, line), lastAt: line.at }), start);
}

/** The state after one more line. */
export function addLine(run: RunState, line: JournalLine): RunState {
  if (line.type === 'begun') throw new AppError('plan.journal', 'the journal says twice that the plan was begun');
  if (line.type === 'ended') return { ...run, outcome: line.outcome };
  if (line.type === 'resumed') {
    const known = new Map(run.steps.map((step) => [step.name, step]));
    const steps = line.steps.map((head) => resume({ ...(known.get(head.name) ?? fresh(head)), ...head }));
    return { ...run, resumed: [...run.resumed, line], steps, outcome: null };
  }
  if (!run.steps.some(({ name }) => name === line.step))
    throw new AppError('plan.journal', `the journal tells of step "${line.step}", which its plan does not have`);
  return { ...run, steps: run.steps.map((step) => (step.name === line.step ? change(step, line) : step)) };
}

/** What always runs at the end runs again at the new end. */
function resume(step: StepState): StepState {
  const isOver = step.progress === 'completed' || step.progress === 'skipped';
  if (step.always && isOver) return { ...fresh(step), attempts: step.attempts };
  return { ...step, isGivenUp: false };
}

type StepLine = Exclude<JournalLine, { readonly type: 'begun' | 'resumed' | 'ended' }>;

function change(step: StepState, line: StepLine): StepState {
  switch (line.type) {
    case 'step-started': {
      const startedAt = step.startedAt ?? line.at;
      return { ...step, progress: 'begun', attempts: line.attempt, isAllowed: false, startedAt, endedAt: null };
    }
    case 'step-noted':
      return { ...step, note: line.note };
    case 'step-completed': {
      const { outputs, evidence, durationMs, at } = line;
      return { ...step, progress: 'completed', outputs, evidence, durationMs, endedAt: at, problem: null };
    }
    case 'step-failed': {
      const { problem, durationMs, at } = line;
      return { ...step, progress: 'failed', problem, durationMs, endedAt: at, isGivenUp: !line.willRetry };
    }
    case 'step-skipped':
      return { ...step, progress: 'skipped', reason: line.reason, endedAt: line.at };
    default:
      // From its beginning: what earlier tries noted does not count any more.
      return { ...step, isAllowed: true, note: null };
  }
}
