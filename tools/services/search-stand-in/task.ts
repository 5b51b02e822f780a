import type { JsonObject } from '#common/domain/json.js';
import type { ErrorView } from './api-error.js';

export const taskStatuses = ['enqueued', 'processing', 'succeeded', 'failed', 'canceled'] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export const taskTypes = [
  'documentAdditionOrUpdate',
  'documentDeletion',
  'settingsUpdate',
  'indexCreation',
  'indexDeletion',
  'indexUpdate',
  'indexSwap',
  'taskCancelation',
  'taskDeletion',
  'dumpCreation',
  'snapshotCreation',
] as const;
export type TaskType = (typeof taskTypes)[number];

/** One change that was asked for, as the API shows it. Instants are ISO 8601, UTC. */
export interface Task {
  readonly uid: number;
  batchUid: number | null;
  /** Null for a task about tasks or about several indexes. A swap renames it in the tasks before. */
  indexUid: string | null;
  status: TaskStatus;
  readonly type: TaskType;
  canceledBy: number | null;
  details: JsonObject;
  error: ErrorView | null;
  readonly enqueuedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
}

/** What a task works on; kept until it is done. */
export type TaskContent = JsonObject;

export const isDone = ({ status }: Task): boolean => status !== 'enqueued' && status !== 'processing';

/** The member of a task's details that says what came of it: null until then, 0 when nothing did. */
const outcomes: { readonly [type in TaskType]?: string } = {
  documentAdditionOrUpdate: 'indexedDocuments',
  documentDeletion: 'deletedDocuments',
  indexDeletion: 'deletedDocuments',
  taskCancelation: 'canceledTasks',
  taskDeletion: 'deletedTasks',
};

export function withOutcome(type: TaskType, details: JsonObject, outcome: 0 | null): JsonObject {
  const name = outcomes[type];
  return name === undefined ? details : { ...details, [name]: outcome };
}

/** What the API answers when it has accepted a change. */
export const toSummary = ({ uid, indexUid, status, type, enqueuedAt }: Task) => ({
  ...{ taskUid: uid, indexUid, status, type, enqueuedAt },
});

export function toTaskView({ enqueuedAt, startedAt, finishedAt, ...task }: Task) {
  const duration =
    startedAt === null || finishedAt === null
      ? null
      : `PT${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(3)}S`;
  return { ...task, duration, enqueuedAt, startedAt, finishedAt };
}
