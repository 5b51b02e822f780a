import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanConfig } from '#common/config/plans/plan.config.js';
import { kindOf, type PlanStep } from '#common/config/plans/plan-steps.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { decideNext, type PlannedStep, toAskError } from '#common/operations/plans/decide-next.js';
import type { RunState, StepState } from '#common/operations/plans/run-state.js';
import { createRedactor, type Redactor } from '#common/telemetry/redaction.js';
import { toDetails } from '../output/details.js';
import type { VerbContext } from '../verb.js';
import type { Approvals } from './approvals.js';
import { fillStep, toPlannedSteps } from './planned-steps.js';
import type { RunJournal } from './run-journal.js';
import type { StepResult } from './step-worker.js';
import { workerOf } from './step-workers.js';

export interface PlanRunDeps {
  readonly plan: PlanConfig;
  readonly journal: RunJournal;
  readonly approvals: Approvals;
}

/**
 * Runs a plan from where its journal stands to its end, one step after the other; returns the state at the end. What a step brought about is
 * in the journal before the next one begins, so that a kill at any line loses no more than the step under way.
 * Throws: plan.not-repeatable, plan.journal; run.interrupted when the signal fires, with the step under way left as interrupted.
 */
export async function runPlan(deps: PlanRunDeps, context: VerbContext): Promise<RunState> {
  const running = new PlanRunning(deps, context);
  try {
    for (;;) {
      const ended = await running.goOn();
      if (ended !== undefined) return ended;
    }
  } catch (error) {
    throw context.signal.aborted ? toInterrupted(deps.journal.state, context.signal.reason) : error;
  }
}

function toInterrupted({ begun, steps }: RunState, reason: unknown): AppError {
  const step = steps.find(({ progress }) => progress === 'begun');
  const where = step === undefined ? 'between two steps' : `in step "${step.name}"`;
  const hint = `Go on with \`holdfast recovery resume ${begun.runId}\`.`;
  return new AppError(
    'run.interrupted',
    `run ${begun.runId} of plan ${begun.plan}, ${where}: ${toText(reason)}`,
    {},
    { hint },
  );
}

class PlanRunning {
  private readonly planned: readonly PlannedStep[];

  constructor(
    private readonly d: PlanRunDeps,
    private readonly context: VerbContext,
  ) {
    this.planned = toPlannedSteps(d.plan.steps);
  }

  /** The state once the plan has come to its end; undefined: there is more to do. */
  async goOn(): Promise<RunState | undefined> {
    const { journal } = this.d;
    const next = decideNext(this.planned, journal.state);
    if (next.do === 'ask') throw toAskError(journal.state, next.step);
    if (next.do === 'run') await this.tryStep(next.step);
    if (next.do === 'leave') {
      journal.append({ type: 'step-skipped', step: next.step.name, reason: next.reason });
      this.context.output.part(`- ${next.step.name}: left out, for ${next.reason}`);
    }
    if (next.do !== 'end') return undefined;
    journal.append({ type: 'ended', outcome: next.outcome });
    return journal.state;
  }

  private async tryStep(state: StepState): Promise<void> {
    const { plan, journal } = this.d;
    const { output, signal } = this.context;
    const configured = plan.steps.find(({ name }) => name === state.name) as PlanStep;
    const attempt = state.attempts + 1;
    output.note(`… ${state.name}${attempt > 1 ? `, try ${attempt}` : ''}`);
    journal.append({ type: 'step-started', step: state.name, attempt });
    const beganMs = performance.now();
    try {
      const result = await this.work(configured, state, attempt);
      this.complete(state.name, result, performance.now() - beganMs);
    } catch (error) {
      signal.throwIfAborted();
      await this.fail(configured, error, performance.now() - beganMs);
    }
  }

  private complete(step: string, result: StepResult, durationMs: number): void {
    const evidence = this.redactor.value(result.evidence) as JsonObject;
    const { outputs } = result;
    this.d.journal.append({ type: 'step-completed', step, durationMs, outputs, evidence });
    const said = this.redactor.text(result.said).replaceAll('\n', '\n  ');
    this.context.output.part(`✓ ${step}: ${said} (${toSeconds(durationMs)})`);
  }

  /** Pauses before the next try where there is one. Throws: the abort reason. */
  private async fail({ name, retries }: PlanStep, error: unknown, durationMs: number): Promise<void> {
    const { journal } = this.d;
    const { output, signal } = this.context;
    if (error instanceof AppError && error.code === 'plan.journal') throw error;
    const problem = this.redactor.value(toProblem(error));
    this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
    const willRetry = (this.failures.get(name) ?? 0) <= (retries?.times ?? 0);
    const pause = willRetry && retries !== undefined ? `; tried again in ${toSeconds(retries.pauseMs)}` : '';
    journal.append({
      type: 'step-failed',
      step: name,
      durationMs,
      problem: { ...problem, context: { ...problem.context } },
      willRetry,
    });
    const lines = [
      `✗ ${name}: ${problem.code}: ${problem.message}${pause}`,
      ...toDetails(problem),
      `  ${problem.hint}`,
    ];
    output.part(lines.join('\n'));
    if (willRetry && retries !== undefined)
      await sleep(retries.pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  /** Of each step, since the run was last begun or resumed. */
  private readonly failures = new Map<string, number>();

  private async work(configured: PlanStep, state: StepState, attempt: number): Promise<StepResult> {
    const { journal, approvals } = this.d;
    const { output, signal } = this.context;
    const { runId } = journal.state.begun;
    const { step, missing } = fillStep(configured, runId, (name) => this.outputsOf(name));
    if (step === undefined) throw new AppError('internal.bug', `step "${state.name}" lacks ${missing.join(', ')}`);
    const timeoutMs = step.timeoutMs ?? kindOf(step).timeoutMs;
    const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    let last = '';
    const tell = (line: string): void => {
      last = this.redactor.text(line);
      output.note(`  ${last}`);
    };
    const keepNote = (note: JsonObject | null) => journal.append({ type: 'step-noted', step: state.name, note });
    const isUnfinished = state.progress !== 'pending';
    const own = { runId, attempt, isUnfinished, note: state.note, keepNote, approvals, tell };
    const signals = limit === undefined ? [signal] : [signal, limit];
    try {
      return await workerOf(step).run(step, { ...this.context, ...own, signal: AbortSignal.any(signals) });
    } catch (error) {
      if (limit?.aborted !== true || signal.aborted) throw error;
      const said = last === '' ? '' : `; the last of it: ${last}`;
      throw new AppError(
        'plan.timeout',
        `step "${state.name}" took longer than ${toSeconds(timeoutMs ?? 0)}${said}`,
        {},
        { cause: error },
      );
    }
  }

  /** Takes out the secrets of the configuration, and what applications answered and programs wrote, for that may be a token. */
  private get redactor(): Redactor {
    const { plan, journal } = this.d;
    const secretive = plan.steps.filter((step) => kindOf(step).hasSecretOutputs);
    const outputs = secretive.flatMap(({ name }) => Object.values(this.outputsOf(name)));
    const noted = journal.state.steps.flatMap(({ note }) =>
      Object.values((note?.['captured'] ?? {}) as Readonly<Record<string, string>>),
    );
    return createRedactor([...this.context.loaded.secrets, ...outputs, ...noted]);
  }

  private outputsOf(name: string): Readonly<Record<string, string>> {
    return this.d.journal.state.steps.find((step) => step.name === name)?.outputs ?? {};
  }
}

export const toSeconds = (ms: number): string => `${toText(Math.round(ms / 100) / 10)} s`;
