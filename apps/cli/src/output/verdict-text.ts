import type { ProbeOutcome, Verdict } from '#common/domain/verdict.js';
import { Exit } from '#common/errors/exit.js';
import type { VerbResult } from '../verb-result.js';
import { toTable } from './table.js';

export interface VerdictDocument {
  readonly verdict: Verdict;
  readonly verdictKey: string | null;
  readonly probes: readonly ProbeOutcome[];
}

const SHOWN = 5;

/** A verdict as a table, with the first problems below it. Only `passed` exits 0. */
export function toVerdictResult(document: VerdictDocument): VerbResult {
  const { verdict, probes, verdictKey } = document;
  const rows = probes.map(({ probe, verdict: of, summary, durationMs }) => [
    probe,
    of,
    `${Math.round(durationMs)} ms`,
    summary,
  ]);
  const problems = probes.flatMap(({ probe, evidence }) => {
    const lines = evidence
      .flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]))
      .map((line) => `  ${probe}: ${line}`);
    const more = lines.length - SHOWN;
    return more > 0 ? [...lines.slice(0, SHOWN), `  ${probe}: ${more} more, listed by --json`] : lines;
  });
  const text = [
    toTable(['probe', 'verdict', 'took', 'summary'], rows),
    ...problems,
    `verdict: ${verdict}`,
    verdictKey === null ? 'not kept: the repository may not be written' : `kept as ${verdictKey}`,
  ];
  return { document, text: text.join('\n'), exit: verdict === 'passed' ? Exit.done : Exit.failed };
}
