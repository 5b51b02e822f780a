/** What a run does. */
export const RunKinds = ['backup', 'restore', 'verification', 'replay', 'reindex', 'drill', 'point'] as const;
export type RunKind = (typeof RunKinds)[number];

export const RunStates = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type RunState = (typeof RunStates)[number];

const next: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['running', 'failed', 'cancelled'],
  running: ['queued', 'completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Settled runs never change again. */
export const isSettled = (state: RunState): boolean => next[state].length === 0;
export const canBecome = (from: RunState, to: RunState): boolean => next[from].includes(to);
