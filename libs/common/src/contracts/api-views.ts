import type { PlanForecast, PlanProblem } from '#common/contracts/plan-forecast.js';
import type { DrillJudgement } from '#common/domain/drill.policy.js';
import type { JsonObject } from '#common/domain/json.js';
import type { RunKind, RunState } from '#common/domain/run.js';
import type { ProbeOutcome, Verdict } from '#common/domain/verdict.js';
import type { Problem } from '#common/errors/app-error.js';

/** One run as the HTTP API shows it. Instants are ISO 8601 in UTC. */
export interface RunView {
  readonly id: string;
  readonly kind: RunKind;
  readonly dataset: string;
  readonly state: RunState;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly request: JsonObject;
  readonly progress: ProgressView | null;
  readonly result: JsonObject | null;
  readonly error: Problem | null;
  /** Of a run that is to be tried again: when, and how long already for what `error` tells. null: it waits for nothing but its turn. */
  readonly retry: { readonly at: string; readonly waitingSince: string | null } | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** Runs that fit what was asked, and how the queue stands as a whole. */
export interface RunListView {
  readonly runs: readonly ListedRunView[];
  /** How many fit, shown or not. */
  readonly total: number;
  readonly queue: QueueView;
}

export interface ListedRunView extends RunView {
  /** null: it does not wait any more. `retryAt` null: as soon as there is a slot. */
  readonly place: { readonly position: number; readonly waitSeconds: number; readonly retryAt: string | null } | null;
}

export interface QueueView {
  readonly queued: number;
  readonly running: number;
  /** Of the queued ones, those that wait for their next attempt. */
  readonly retrying: number;
  readonly oldestQueuedSeconds: number;
}

export interface ProgressView {
  readonly stage: string;
  readonly bytes: number;
  /** null: unknown, and shown as unknown. */
  readonly totalBytes: number | null;
}

/** What became of a request: no service has seen it yet, it started a run, or it was refused. */
export interface RequestView {
  readonly requestId: string;
  readonly runId: string;
  readonly state: 'pending' | 'accepted' | 'rejected';
  readonly error: Problem | null;
}

export interface BackupView {
  readonly id: string;
  readonly dataset: string;
  readonly kind: string;
  readonly method: string;
  readonly purpose: 'regular' | 'safety';
  readonly repository: string;
  readonly snapshotAt: string;
  readonly completedAt: string;
  readonly sizeBytes: number;
  /** As the source counts. */
  readonly sourceSizeBytes: number;
  /** How much is in it, by names that its kind has. */
  readonly counts: Readonly<Record<string, number>>;
  readonly busPosition: 'proven' | 'unproven' | 'none';
}

/** What is known for and against a backup, and what is about to happen to it. */
export interface BackupCondition {
  /** `damaged`: an object is lost, short, or failed a proof; `unreadable`: another version of Holdfast made it, in a format or of a kind that this one does not know. */
  readonly state: 'whole' | 'damaged' | 'unreadable';
  /** With `damaged`: the objects; with `unreadable`: the manifest. */
  readonly damage: readonly { readonly object: string; readonly problem: string }[];
  /** Of the newest proof. `of`: whether it looked at a restored database or at the objects alone. */
  readonly lastVerdict: {
    readonly verdict: 'passed' | 'failed' | 'inconclusive';
    readonly of: 'restore' | 'objects';
    readonly provenAt: string;
  } | null;
  /** When a restore of it last passed; null when its objects have failed since. */
  readonly verifiedAt: string | null;
  /** Why it is unlike those before it, and who has looked at it; null: it is not. */
  readonly suspicion: {
    readonly reasons: readonly string[];
    readonly acceptedBy: string | null;
    readonly acceptReason: string | null;
  } | null;
  /** null: only the catalog was asked, and holds lie in the repository. */
  readonly holds: readonly { readonly name: string; readonly reason: string; readonly until: string | null }[] | null;
  /** It is to be deleted: a hold placed before `notBefore` saves it; null: it is not marked yet. */
  readonly deletion: { readonly notBefore: string | null; readonly reasons: readonly string[] } | null;
  /** `DATASET@latest:METHOD` means this one, with its own method. */
  readonly isLatest: boolean;
  /** false: made with `--local`, or a catalog that has lost it; null: the catalog was not asked. */
  readonly isInCatalog: boolean | null;
}

type Told = Omit<BackupView, 'id' | 'dataset' | 'repository'>;

/** A field that comes from the manifest is null where Holdfast cannot read the manifest. */
export type ToldBackupView = Pick<BackupView, 'id' | 'dataset' | 'repository'> & {
  readonly [Field in keyof Told]: Told[Field] | null;
};

/** A backup of a list. */
export type ListedBackupView = ToldBackupView & BackupCondition;

/** Copies of the newest backups: one that lies in two repositories is there twice. */
export interface BackupListView {
  readonly backups: readonly ListedBackupView[];
  /** How many copies fit, shown or not. */
  readonly total: number;
}

/** What the last evaluation of a recovery plan found. */
export interface PlanEvaluationView {
  readonly plan: string;
  readonly wouldSucceed: boolean;
  readonly since: string;
  readonly evaluatedAt: string;
  readonly problems: readonly PlanProblem[];
  /** null: it could not be made. */
  readonly forecast: PlanForecast | null;
}

/** One schedule of the configuration. */
export interface ScheduleView {
  readonly name: string;
  readonly asks: 'backup' | 'drill' | 'point';
  /** Of a recovery point its name. */
  readonly dataset: string;
  readonly method: string;
  readonly cron: string;
  readonly zone: string;
  readonly next: readonly NextSlotView[];
  /** null: unknown, for only the configuration was asked. */
  readonly state: ScheduleStateView | null;
}

export interface NextSlotView {
  readonly slotAt: string;
  /** With jitter, and after a blackout; null: passed over for one. */
  readonly startsAt: string | null;
  /** The start, or the slot that has none, in the schedule’s zone: `2026-03-29 03:00:00 +02:00`. */
  readonly local: string;
  readonly isInBlackout: boolean;
}

export interface ScheduleStateView {
  readonly paused: { readonly since: string; readonly reason: string | null } | null;
  readonly lastSlotAt: string | null;
  /** `pending`: no service has taken the request yet; `lost`: none has for an hour. */
  readonly lastRun: { readonly id: string; readonly state: RunState | 'pending' | 'rejected' | 'lost' } | null;
  /** A slot that starts later; `until` null: when the run before has ended. */
  readonly waiting: { readonly slotAt: string; readonly reason: string; readonly until: string | null } | null;
}

/** What a drill showed; also the result of its run. */
export interface DrillResultView {
  readonly drill: string | null;
  readonly backupId: string;
  readonly method: string;
  readonly target: string;
  readonly destination: string;
  readonly recovery: object | null;
  /** The verdict is passed, and every objective is met. */
  readonly isPassed: boolean;
  readonly verdict: Verdict;
  readonly verdictKey: string | null;
  readonly probes: readonly ProbeOutcome[];
  readonly restoreMs: number;
  readonly verifyMs: number;
  readonly rtoMs: number;
  readonly rpoMs: number;
  readonly objectives: DrillJudgement['objectives'];
  readonly scratchRemoved: boolean;
}

/** What drills have shown of one way to back up one dataset. */
export interface DrillCoverageView {
  readonly dataset: string;
  readonly method: string;
  /** Drills of the configuration that restore it. */
  readonly drills: readonly string[];
  /** null: it was never carried through. */
  readonly last:
    | (Omit<DrillResultView, 'probes' | 'verdictKey'> & { readonly runId: string; readonly completedAt: string })
    | null;
}
