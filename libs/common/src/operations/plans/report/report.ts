import type { Json } from '#common/domain/json.js';
import type { Problem } from '#common/errors/app-error.js';
import type { RunState, StepProgress, StepState } from '../run-state.js';

export interface RestoredEvidence {
  readonly step: string;
  readonly dataset: string;
  readonly backupId: string;
  readonly target: string;
  readonly destination: string;
  /** What came back is as of then: the snapshot, or the last commit that was replayed after it. */
  readonly upTo: string;
  /** From then to the disaster: what was written in between is lost, unless a replay brought it back. */
  readonly lostSeconds: number;
}

export interface StepEvidence {
  readonly name: string;
  readonly use: string;
  readonly progress: StepProgress;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Of the try that ended it. */
  readonly seconds: number | null;
  readonly reason: string | null;
  readonly problem: Problem | null;
  readonly evidence: Readonly<Record<string, Json>>;
}

/** What a run of a plan did: for people who have to show it. No outputs, which may hold secrets, and no secret of the configuration. */
export interface RunReport {
  readonly runId: string;
  readonly plan: string;
  readonly instance: string;
  readonly host: string;
  readonly holdfastVersion: string;
  /** `open`: it is under way, or was interrupted. */
  readonly outcome: 'completed' | 'failed' | 'open';
  readonly begunBy: string;
  readonly begunAt: string;
  readonly resumed: readonly { readonly at: string; readonly by: string }[];
  /** Of the last line of the journal. */
  readonly until: string;
  readonly disasterAt: string | null;
  /** Measured from the disaster where the operator said when it was, else from the beginning of the run; null: it is not over. */
  readonly rtoSeconds: number | null;
  /** The most that any restore lost, against the same instant; null: nothing was restored. */
  readonly rpoSeconds: number | null;
  /** The moment to which all members of a recovery point came back; null: the plan recovers to none. */
  readonly point: { readonly name: string; readonly at: string; readonly skewSeconds: number } | null;
  readonly restored: readonly RestoredEvidence[];
  readonly verdicts: readonly { readonly step: string; readonly verdict: string }[];
  /** Events that replays brought back; null: none was part of the run. */
  readonly eventsReplayed: number | null;
  readonly steps: readonly StepEvidence[];
}

export function toReport(run: RunState): RunReport {
  const { begun, steps, outcome, lastAt } = run;
  const from = begun.disasterAt ?? begun.at;
  const done = steps.filter(({ progress }) => progress === 'completed');
  const restored = done.filter(({ use }) => use === 'restore').map((step) => toRestored(step, from));
  const replays = done.filter(({ use }) => use === 'replay').map(({ evidence }) => Number(evidence['events'] ?? 0));
  return {
    ...{ runId: begun.runId, plan: begun.plan, instance: begun.instance, host: begun.host },
    ...{ holdfastVersion: begun.holdfastVersion, outcome: outcome ?? 'open', begunBy: begun.by, begunAt: begun.at },
    resumed: run.resumed.map(({ at, by }) => ({ at, by })),
    ...{ until: lastAt, disasterAt: begun.disasterAt },
    rtoSeconds: outcome === 'completed' ? secondsBetween(from, lastAt) : null,
    rpoSeconds: restored.length === 0 ? null : Math.max(...restored.map(({ lostSeconds }) => lostSeconds)),
    point: begun.point === undefined ? null : toPoint(begun.point),
    restored,
    verdicts: steps.filter(({ use }) => use === 'verify').map(toVerdict),
    eventsReplayed: replays.length === 0 ? null : replays.reduce((sum, events) => sum + events, 0),
    steps: steps.map(toStepEvidence),
  };
}

const toPoint = ({ point: name, at, skewMs }: NonNullable<RunState['begun']['point']>): RunReport['point'] => ({
  ...{ name, at },
  skewSeconds: Math.round(skewMs / 100) / 10,
});

const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 100) / 10);

function toRestored({ name, evidence }: StepState, disasterAt: string): RestoredEvidence {
  const said = (field: string): string => (typeof evidence[field] === 'string' ? evidence[field] : '');
  const recovered = evidence['recovered'] as { readonly lastCommitAt?: string | null } | null | undefined;
  const upTo = recovered?.lastCommitAt ?? said('snapshotAt');
  const place = { target: said('target'), destination: said('destination') };
  const what = { step: name, dataset: said('dataset'), backupId: said('backupId') };
  return { ...what, ...place, upTo, lostSeconds: secondsBetween(upTo, disasterAt) };
}

const toVerdict = ({ name, evidence, progress, problem }: StepState) => {
  const verdict = evidence['verdict'];
  return { step: name, verdict: typeof verdict === 'string' ? verdict : (problem?.message ?? progress) };
};

const toStepEvidence = (step: StepState): StepEvidence => ({
  ...{ name: step.name, use: step.use, progress: step.progress, attempts: step.attempts },
  ...{ startedAt: step.startedAt, endedAt: step.endedAt },
  seconds: step.durationMs === null ? null : Math.round(step.durationMs / 100) / 10,
  ...{ reason: step.reason, problem: step.problem, evidence: step.evidence },
});
