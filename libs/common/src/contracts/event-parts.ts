import { z } from 'zod';
import { DatasetName, Instant, PointName, ProblemShape, Uuid } from './names.js';

/** What every event about a run says. */
export const RunHead = {
  runId: Uuid,
  dataset: DatasetName,
  sequence: z.int().min(1).describe('Of this run: order holds per topic and key only'),
};

/** What every event about a run for a recovery point says. */
export const PointHead = { runId: Uuid, point: PointName, sequence: RunHead.sequence };

/** What every event about one attempt says. */
export const AttemptHead = { ...RunHead, attempt: z.int().min(1) };

/** How a run ended without success. */
export const Failure = {
  ...RunHead,
  attempts: z.int().min(0).describe('How many were made'),
  error: ProblemShape,
  failedAt: Instant,
};

/** How far an attempt is. */
export const Progress = {
  ...AttemptHead,
  stage: z.string().describe('dump, spool, restore, …'),
  bytes: z.int().min(0).describe('Counted in this stage'),
  totalBytes: z.int().min(0).nullable().describe('null: unknown'),
};

/** Why a well-formed request was refused before any run. */
export const Rejection = {
  requestId: z.string().describe('id of the refused request'),
  requestSource: z.string(),
  dataset: z.string().describe('As asked for; it may be unknown'),
  error: ProblemShape,
};
