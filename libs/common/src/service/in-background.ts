import { AppError } from '#common/errors/app-error.js';

export interface Background {
  /** Ends the work, leaves the rest to another process, and resolves when nothing of it works any more. */
  stop(): Promise<void>;
}

/** Begins work that lasts until `stopping` fires, and never rejects. */
export function inBackground(work: (stopping: AbortSignal) => Promise<unknown>): Background {
  const control = new AbortController();
  const working = work(control.signal);
  return {
    stop: async () => {
      control.abort(new AppError('run.interrupted', 'the process is shutting down'));
      await working;
    },
  };
}
