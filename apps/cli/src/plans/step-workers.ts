import type { PlanStep, StepOf } from '#common/config/plans/plan-steps.js';
import type { StepWorker } from './step-worker.js';
import { approve } from './steps/approve.js';
import { exec } from './steps/exec.js';
import { flushCache } from './steps/flush-cache.js';
import { http } from './steps/http.js';
import { reindex } from './steps/reindex.js';
import { replay } from './steps/replay.js';
import { restore } from './steps/restore.js';
import { verify } from './steps/verify.js';
import { wait } from './steps/wait.js';

/** What each kind of step does; the compiler misses none. */
const stepWorkers: { readonly [Use in PlanStep['use']]: StepWorker<StepOf<Use>> } = {
  exec,
  restore,
  http,
  'flush-cache': flushCache,
  reindex,
  verify,
  replay,
  wait,
  approve,
};

export const workerOf = (step: PlanStep): StepWorker => stepWorkers[step.use] as StepWorker;
