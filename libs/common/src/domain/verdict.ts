import type { Json } from './json.js';

export const Verdicts = ['passed', 'failed', 'inconclusive'] as const;
export type Verdict = (typeof Verdicts)[number];

/** One thing a probe saw: `subject` names it ("public.orders"), `problem` is set when it speaks against the restore. */
export interface Evidence {
  readonly subject: string;
  readonly expected?: Json;
  readonly actual?: Json;
  readonly problem?: string;
}

/** What one probe concluded. Only the first problems are kept as evidence; `summary` counts them all. */
export interface ProbeOutcome {
  readonly probe: string;
  readonly verdict: Verdict;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  readonly durationMs: number;
}

/** One failed probe fails the whole; one inconclusive probe, or no probe at all, leaves it open. */
export function decideVerdict(outcomes: readonly { readonly verdict: Verdict }[]): Verdict {
  if (outcomes.some((outcome) => outcome.verdict === 'failed')) return 'failed';
  if (outcomes.length === 0 || outcomes.some((outcome) => outcome.verdict === 'inconclusive')) return 'inconclusive';
  return 'passed';
}
