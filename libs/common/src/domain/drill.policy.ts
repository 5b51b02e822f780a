import { createHash } from 'node:crypto';
import type { Verdict } from './verdict.js';

/** A stretch of time in which every moment can be recovered. Instants as ISO texts; `to` null: nothing tells how far it reaches. */
export interface Span {
  readonly from: string;
  readonly to: string | null;
}

interface TimelineWindow {
  readonly timeline: number;
  readonly from: { readonly at: string };
  readonly to: { readonly at: string | null };
}

/** Of the timeline that a recovery follows: what another one had at the same time cannot be reached on it. */
export const spansOn = (timeline: number, windows: readonly TimelineWindow[]): Span[] =>
  windows.filter((each) => each.timeline === timeline).map(({ from, to }) => ({ from: from.at, to: to.at }));

/** A number in [0, 1) that is the same for every attempt of a run, and another for another run. */
export const toFraction = (runId: string): number =>
  createHash('sha256').update(runId).digest().readUInt32BE(0) / 2 ** 32;

/** An instant in one of the spans, each moment as likely as any other; undefined where no span has a length that is known. */
export function pickInstant(spans: readonly Span[], fraction: number): string | undefined {
  const known = spans.flatMap(({ from, to }) => (to === null ? [] : [{ from: Date.parse(from), to: Date.parse(to) }]));
  let left = fraction * known.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  for (const { from, to } of known) {
    if (left < to - from) return new Date(from + Math.floor(left)).toISOString();
    left -= Math.max(0, to - from);
  }
  return undefined;
}

/** The newest moment that the spans reach for certain; undefined without a span. */
export const newestOf = (spans: readonly Span[]): string | undefined =>
  spans
    .map(({ from, to }) => to ?? from)
    .reduce<string | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);

export interface Objectives {
  readonly rtoMs?: number | undefined;
  readonly rpoMs?: number | undefined;
}

export interface Measured {
  readonly restoreMs: number;
  readonly verifyMs: number;
  /** Both together. */
  readonly rtoMs: number;
  /** How old the newest moment was that could have been restored, when the drill began. */
  readonly rpoMs: number;
}

export type Judgement = { readonly ms: number; readonly isMet: boolean } | null;

export interface DrillJudgement {
  /** The verdict is passed, and every objective is met. */
  readonly isPassed: boolean;
  readonly objectives: { readonly rto: Judgement; readonly rpo: Judgement };
}

export function judgeDrill(verdict: Verdict, measured: Measured, { rtoMs, rpoMs }: Objectives): DrillJudgement {
  const judge = (wanted: number | undefined, found: number): Judgement =>
    wanted === undefined ? null : { ms: wanted, isMet: found <= wanted };
  const objectives = { rto: judge(rtoMs, measured.rtoMs), rpo: judge(rpoMs, measured.rpoMs) };
  const isMissed = [objectives.rto, objectives.rpo].some((each) => each !== null && !each.isMet);
  return { isPassed: verdict === 'passed' && !isMissed, objectives };
}
