import { z } from 'zod';
import { DatasetName, Instant, PointName, ProblemShape, Uuid } from '#common/contracts/names.js';
import { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { Json } from '#common/domain/json.js';

const StepHead = z.object({ name: z.string(), use: z.string(), always: z.boolean() });

const JsonValue = z.json() as unknown as z.ZodType<Json>;
const JsonRecord = z.record(z.string(), JsonValue);

/** The recovery point that a run brings back: resumed, it goes on with the same members. */
const BegunPoint = z.object({
  point: PointName,
  at: Instant,
  skewMs: z.int().min(0),
  members: z.array(
    z.object({
      dataset: DatasetName,
      backupId: Uuid.nullable(),
      recovery: RecoveryGoal.nullable(),
      snapshotAt: Instant,
      offsetMs: z.int(),
    }),
  ),
});

const head = { at: Instant };
const ofStep = { ...head, step: z.string() };

/**
 * The journal of one run of a plan: a line for each change, on the disk before what follows from it begins. Readers ignore fields that they
 * do not know. Only inputs that later steps need are kept, in a file that its owner alone reads; no passwords and tokens of the configuration.
 */
export const JournalLine = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('begun'),
    ...head,
    version: z.literal(1),
    runId: Uuid,
    plan: z.string(),
    instance: z.string(),
    by: z.string().describe('The user of the operating system who began it'),
    host: z.string(),
    holdfastVersion: z.string(),
    disasterAt: Instant.nullable().describe('As the operator said; null: not known'),
    point: BegunPoint.optional(),
    steps: z.array(StepHead).min(1),
  }),
  z.object({ type: z.literal('resumed'), ...head, by: z.string(), host: z.string(), steps: z.array(StepHead).min(1) }),
  z.object({ type: z.literal('step-started'), ...ofStep, attempt: z.int().min(1) }),
  z.object({
    type: z.literal('step-noted'),
    ...ofStep,
    note: JsonRecord.nullable().describe('From where a later attempt goes on; replaces the note before'),
  }),
  z.object({
    type: z.literal('step-completed'),
    ...ofStep,
    durationMs: z.number().min(0),
    outputs: z.record(z.string(), z.string()).describe('For later steps'),
    evidence: JsonRecord.describe('For the report'),
  }),
  z.object({
    type: z.literal('step-failed'),
    ...ofStep,
    durationMs: z.number().min(0),
    problem: ProblemShape,
    willRetry: z.boolean(),
  }),
  z.object({ type: z.literal('step-skipped'), ...ofStep, reason: z.string() }),
  z.object({ type: z.literal('step-allowed'), ...ofStep, by: z.string() }).describe('The operator has it repeated'),
  z.object({ type: z.literal('ended'), ...head, outcome: z.enum(['completed', 'failed']) }),
]);

export type JournalLine = z.output<typeof JournalLine>;
export type StepHead = z.output<typeof StepHead>;
export type LineOf<Type extends JournalLine['type']> = Extract<JournalLine, { readonly type: Type }>;
