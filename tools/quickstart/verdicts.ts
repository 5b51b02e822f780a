import type { CloudEvent } from './cloud-event.js';

interface Evidence {
  readonly subject: string;
  readonly expected?: unknown;
  readonly actual?: unknown;
  readonly problem?: string;
}

interface ProbeOutcome {
  readonly probe: string;
  readonly verdict: string;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
}

/** What a `verification.completed` says. */
export interface Verification {
  readonly profile: string;
  readonly verdict: string;
  readonly probes: readonly ProbeOutcome[];
}

export const toVerification = ({ data }: CloudEvent): Verification => data as unknown as Verification;

export const verdictHead = ['probe', 'after the restore', 'in the end', 'what was looked at, and what was found'];

export interface Verdicts {
  /** Of the database, when only it was back. */
  readonly first: Verification;
  /** Of the pictures, when they were back. */
  readonly media: Verification;
  /** Of the database again, with application and search, when all was back. */
  readonly last: Verification;
}

/** One row a probe: what it said after the restore, and what it said when all was back. */
export const toVerdictRows = ({ first, media, last }: Verdicts): string[][] => [
  ...last.probes.map(({ probe, verdict, summary }) => {
    const before = first.probes.find((outcome) => outcome.probe === probe);
    const isWorse = before !== undefined && before.verdict !== 'passed';
    return [probe, before?.verdict ?? '-', verdict, isWorse ? before.summary : summary];
  }),
  ...media.probes.map(({ probe, verdict, summary }) => [probe, verdict, '-', summary]),
];

/** The evidence of the probes that did not pass; of those that did, one fact each. */
export function toEvidenceLines({ probes }: Verification): string[] {
  return probes.flatMap(({ probe, verdict, evidence }) => {
    const against = evidence.filter(({ problem }) => problem !== undefined);
    return (verdict === 'passed' ? evidence.slice(0, 1) : against).map((one) => `${probe}: ${toText(one)}`);
  });
}

function toText({ subject, expected, actual, problem }: Evidence): string {
  const parts = [
    problem,
    expected === undefined ? undefined : `expected ${toShort(expected)}`,
    actual === undefined ? undefined : `found ${toShort(actual)}`,
  ].filter((part) => part !== undefined);
  return `${subject}: ${parts.join(', ')}`;
}

function toShort(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
