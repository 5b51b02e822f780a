import { z } from 'zod';
import type { CommonStep, StepKind } from './define-step.js';
import { approve } from './steps/approve.step.js';
import { exec } from './steps/exec.step.js';
import { flushCache } from './steps/flush-cache.step.js';
import { http } from './steps/http.step.js';
import { reindex } from './steps/reindex.step.js';
import { replay } from './steps/replay.step.js';
import { restore } from './steps/restore.step.js';
import { verify } from './steps/verify.step.js';
import { wait } from './steps/wait.step.js';

/** Every kind of step. A new one adds its file and a line here, and what it does in apps/cli/src/plans/steps/. */
export const stepKinds = [exec, restore, http, flushCache, reindex, verify, replay, wait, approve] as const;

type Kinds = (typeof stepKinds)[number];

export type PlanStep = { [K in Kinds as K['use']]: z.output<K['schema']> & CommonStep }[Kinds['use']];
export type StepOf<Use extends Kinds['use']> = Extract<PlanStep, { readonly use: Use }>;

const names = stepKinds.map(({ use }) => use).join(', ');

export const PlanStep = z.discriminatedUnion(
  'use',
  [
    exec.schema,
    restore.schema,
    http.schema,
    flushCache.schema,
    reindex.schema,
    verify.schema,
    replay.schema,
    wait.schema,
    approve.schema,
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union' ? `there is no kind of step ${said(issue.input)}; there is: ${names}` : undefined,
  },
);

const said = (input: unknown): string => JSON.stringify((input as { use?: unknown } | null)?.use ?? null);

/** What the configuration knows of the kind of a step. */
export const kindOf = (step: Pick<PlanStep, 'use'>): StepKind<string, PlanStep> =>
  stepKinds.find(({ use }) => use === step.use) as unknown as StepKind<string, PlanStep>;
