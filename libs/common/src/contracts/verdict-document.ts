import { z } from 'zod';
import type { Judged } from '#common/domain/proof.js';
import { Instant, Uuid, VerdictName } from './names.js';

const Outcome = z.looseObject({
  probe: z.string(),
  verdict: VerdictName,
  evidence: z.array(z.looseObject({ subject: z.string(), problem: z.string().optional() })),
});

/** A verdict that was there before another one, with the SHA-256 of its bytes. */
export const VerdictLink = z.object({ key: z.string(), sha256: z.string() });
export type VerdictLink = z.output<typeof VerdictLink>;

/** What is kept of a proof beside the backup, to be read without Holdfast: what was proven, when, against which destination. */
export const VerdictDocument = z.looseObject({
  formatVersion: z.literal(1),
  dataset: z.string(),
  backupId: Uuid,
  runId: z.string(),
  attemptKey: z.string().optional().describe('The objects that were proven; absent in verdicts of Holdfast 0.1'),
  destination: z.string().nullable().describe('null: only the objects were looked at'),
  profile: z.string().nullable(),
  verdict: VerdictName,
  previous: z
    .array(VerdictLink)
    .optional()
    .describe('The verdicts before it that no other one names yet; absent in verdicts of Holdfast 0.1'),
  startedAt: Instant,
  completedAt: Instant,
  probes: z.array(Outcome),
});
export type VerdictDocument = z.output<typeof VerdictDocument>;

export const toJudged = ({ runId, completedAt, verdict, probes }: VerdictDocument): Judged => ({
  ...{ runId, provenAt: new Date(completedAt), verdict },
  probes: probes.map(({ probe, verdict: of, evidence }) => ({
    ...{ probe, verdict: of },
    evidence: evidence.map(({ subject, problem }) => ({ subject, ...(problem === undefined ? {} : { problem }) })),
  })),
});
