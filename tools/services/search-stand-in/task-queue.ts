import type { JsonObject } from '#common/domain/json.js';
import { ApiError } from './api-error.js';
import type { Store } from './store.js';
import { type Task, type TaskContent, type TaskType, withOutcome } from './task.js';
import { doWork } from './task-work.js';

export interface NewTask {
  readonly type: TaskType;
  readonly indexUid: string | null;
  readonly details: JsonObject;
  readonly content: TaskContent;
}

/** These go before older tasks, as they are about tasks. */
const urgent: readonly TaskType[] = ['taskCancelation', 'taskDeletion'];

/** Works on one task at a time, the oldest first, in the background. */
export class TaskQueue {
  private current: { readonly task: Task; readonly controller: AbortController } | undefined;
  private isRunning = false;

  constructor(private readonly store: Store) {
    void this.run();
  }

  add({ type, indexUid, details, content }: NewTask): Task {
    const task: Task = {
      ...{ uid: this.store.nextUid, batchUid: null, indexUid, status: 'enqueued', type, canceledBy: null },
      details: withOutcome(type, details, null),
      ...{ error: null, enqueuedAt: new Date().toISOString(), startedAt: null, finishedAt: null },
    };
    this.store.accept(task, content);
    if (type === 'taskCancelation') this.interrupt(content['uids'] as readonly number[]);
    void this.run();
    return task;
  }

  /** A cancelled task stops where it is; it waits again until the cancelation, which is next, takes it. */
  private interrupt(uids: readonly number[]): void {
    if (this.current !== undefined && uids.includes(this.current.task.uid)) this.current.controller.abort();
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    // The answer that accepts a task goes out before its work begins.
    await new Promise((resolve) => setImmediate(resolve));
    for (let task = this.next(); task !== undefined; task = this.next()) await this.process(task);
    this.isRunning = false;
  }

  private next(): Task | undefined {
    const waiting = [...this.store.contents.keys()]
      .map((uid) => this.store.tasks.get(uid))
      .filter((task) => task !== undefined);
    return waiting.find(({ type }) => urgent.includes(type)) ?? waiting[0];
  }

  private async process(task: Task): Promise<void> {
    const controller = new AbortController();
    this.current = { task, controller };
    const at = new Date().toISOString();
    Object.assign(task, { status: 'processing', startedAt: at, batchUid: this.store.nextBatch });
    const content = this.store.contents.get(task.uid) ?? {};
    try {
      const details = await doWork({
        state: this.store,
        task,
        content,
        at,
        signal: controller.signal,
        isReplay: false,
      });
      this.store.nextBatch += 1;
      this.settle(task, 'succeeded', { details: { ...task.details, ...details } });
    } catch (error) {
      if (controller.signal.aborted) Object.assign(task, { status: 'enqueued', startedAt: null, batchUid: null });
      else this.fail(task, error);
    } finally {
      this.current = undefined;
    }
  }

  private fail(task: Task, error: unknown): void {
    const reason =
      error instanceof ApiError ? error : new ApiError('internal', String((error as Error).stack ?? error));
    const details = withOutcome(task.type, task.details, 0);
    this.store.nextBatch += 1;
    this.settle(task, 'failed', { details, error: reason.view });
  }

  private settle(task: Task, status: Task['status'], change: Partial<Task>): void {
    Object.assign(task, { ...change, status, finishedAt: new Date().toISOString() });
    this.store.settle(task);
  }
}
