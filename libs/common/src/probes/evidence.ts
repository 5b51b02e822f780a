import { toPlainJson } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';
import type { Evidence, Verdict } from '#common/domain/verdict.js';

/** What a probe concluded, before its name and duration are added. */
export interface ProbeFinding {
  readonly verdict: Verdict;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
}

/** A broken restore of ten thousand tables must still fit an event: only the first are listed, all are counted. */
export const EVIDENCE_LIMIT = 20;

/** An answer of an application can be megabytes. */
const SHOWN_CHARACTERS = 1_000;

/** Counts everything it is given and keeps the first `EVIDENCE_LIMIT`. */
export class EvidenceLog {
  readonly kept: Evidence[] = [];
  total = 0;
  /** A line for each kind of which not all are kept: `13 more missing from the index`. */
  readonly cut: Evidence[] = [];

  add(...found: readonly Evidence[]): void {
    this.total += found.length;
    this.kept.push(...found.slice(0, Math.max(0, EVIDENCE_LIMIT - this.kept.length)));
  }

  /** What another one counted and kept. */
  include(other: EvidenceLog): void {
    this.add(...other.kept);
    this.total += other.total - other.kept.length;
    this.cut.push(...other.cut);
  }
}

export interface Conclusion {
  /** What was looked at, for people: `12 tables, 4 031 rows`. */
  readonly looked: string;
  /** What speaks against the restore. */
  readonly problems?: EvidenceLog;
  /** What could not be decided. */
  readonly unclear?: EvidenceLog;
  /** Facts that were found equal: few. */
  readonly facts?: readonly Evidence[];
  /** Limits of the comparison, told in the summary: `estimates within 10 %`. */
  readonly notes?: readonly string[];
}

/** One problem fails; one open question, without a problem, leaves it open. */
export function conclude({ looked, problems, unclear, facts = [], notes = [] }: Conclusion): ProbeFinding {
  const failed = problems?.total ?? 0;
  const open = unclear?.total ?? 0;
  const verdict: Verdict = failed > 0 ? 'failed' : open > 0 ? 'inconclusive' : 'passed';
  const parts = [
    looked,
    ...(failed > 0 ? [toCount(failed, 'problem', problems?.kept.length)] : []),
    ...(open > 0 ? [toCount(open, 'open question', unclear?.kept.length)] : []),
    ...(failed + open === 0 ? ['no difference'] : []),
    ...notes,
  ];
  const told = [problems, unclear].flatMap((log) => [...(log?.kept ?? []), ...(log?.cut ?? [])]);
  const evidence = [...told, ...facts.slice(0, EVIDENCE_LIMIT)];
  return { verdict, summary: parts.join('; '), evidence: evidence.map(toShown) };
}

function toShown({ subject, expected, actual, problem }: Evidence): Evidence {
  return {
    subject: toShort(subject),
    ...(expected === undefined ? {} : { expected: toShortValue(expected) }),
    ...(actual === undefined ? {} : { actual: toShortValue(actual) }),
    ...(problem === undefined ? {} : { problem: toShort(problem) }),
  };
}

const toShort = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)` : text;

/** A value that is too long is shown as the beginning of its text, a number that a double cannot hold as its digits. */
function toShortValue(given: Json): Json {
  const value = toPlainJson(given);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? toShort(text) : value;
}

/** A comparison of nothing proves nothing. */
export const nothingToCompare = (summary: string): ProbeFinding => ({ verdict: 'inconclusive', summary, evidence: [] });

/** `1 table`, `2 tables`. */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const toCount = (total: number, noun: string, kept = total): string =>
  countOf(total, noun) + (total > kept ? `, the first ${kept} are listed` : '');
