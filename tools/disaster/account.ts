import type { ShopSummary } from '../../examples/shop/summary.js';

/** What is there of each kind. */
export interface Counts {
  readonly orders: number;
  readonly products: number;
  readonly pictures: number;
  readonly documents: number;
  readonly sessions: number;
  readonly events: number;
  /** Open executions; null: there is no Temporal. */
  readonly workflows: number | null;
}

/** What the report of a recovery says of its steps and restores; instants in ISO 8601. */
export interface Report {
  readonly disasterAt: string;
  readonly restored: readonly { readonly dataset: string; readonly lostSeconds: number }[];
  readonly verdicts: readonly { readonly step: string; readonly verdict: string }[];
  readonly eventsReplayed: number | null;
  readonly steps: readonly { readonly name: string; readonly endedAt: string | null }[];
}

export interface Recovery {
  readonly before: Counts;
  /** When the recovery point was taken. */
  readonly atPoint: Counts;
  /** When the topic was backed up for the last time, with every order in the database. */
  readonly atTopicBackup: { readonly counts: Counts; readonly summary: ShopSummary };
  readonly after: { readonly counts: Counts; readonly summary: ShopSummary };
  readonly report: Report;
}

export const accountHead = ['kind', 'what', 'before', 'back', 'lost', 'as of', 'back after'];

export interface Account {
  readonly rows: readonly (readonly (string | number)[])[];
  readonly problems: readonly string[];
}

interface Line {
  readonly kind: string;
  readonly what: keyof Counts;
  /** Whose backup says as of when it came back. */
  readonly dataset: string;
  readonly expected: number | null;
  /** The step after which it counts. */
  readonly step: string;
}

/** What each kind lost by the disaster, how old it came back, and when it was proven again; and everything that is not as its backup had it. */
export function accountFor({ before, atPoint, atTopicBackup, after, report }: Recovery): Account {
  const { counts, summary } = after;
  const ofTopic = atTopicBackup.counts;
  const lines: Line[] = [
    { kind: 'database', what: 'products', dataset: 'shop', expected: atPoint.products, step: 'verify-shop' },
    { kind: 'database', what: 'orders', dataset: 'events', expected: ofTopic.orders, step: 'replay' },
    { kind: 'media', what: 'pictures', dataset: 'media', expected: atPoint.pictures, step: 'verify-media' },
    { kind: 'search', what: 'documents', dataset: 'shop', expected: atPoint.products, step: 'reindex' },
    { kind: 'cache', what: 'sessions', dataset: 'cache', expected: atPoint.sessions, step: 'verify-cache' },
    { kind: 'topic', what: 'events', dataset: 'events', expected: ofTopic.events, step: 'verify-events' },
    {
      kind: 'temporal',
      what: 'workflows',
      dataset: 'workflows',
      expected: atPoint.workflows,
      step: 'verify-workflows',
    },
  ];
  const present = lines.filter(({ expected }) => expected !== null);
  const problems = present
    .filter(({ what, expected }) => counts[what] !== expected)
    .map(({ kind, what, expected }) => `${kind}: ${counts[what]} ${what} came back, not ${expected}`);
  const check = (isRight: boolean, problem: string): string[] => (isRight ? [] : [problem]);
  const was = atTopicBackup.summary;
  return {
    rows: present.map((line) => toRow(line, before, counts, report)),
    problems: [
      ...problems,
      ...report.verdicts.filter(({ verdict }) => verdict !== 'passed').map(({ step }) => `${step} did not pass`),
      ...check(summary.orderIdsDigest === was.orderIdsDigest, 'the orders are not those whose events were backed up'),
      ...check(summary.isConsistent, "the shop's counters do not equal its rows: an order is there twice, or half"),
      ...check(summary.rejectedEvents === was.rejectedEvents, `${summary.rejectedEvents} events were rejected`),
      ...check((report.eventsReplayed ?? 0) > 0, 'no event was replayed: the replay proves nothing'),
    ],
  };
}

function toRow({ kind, what, dataset, step }: Line, before: Counts, after: Counts, report: Report) {
  const [had, has] = [before[what] ?? 0, after[what] ?? 0];
  const age = report.restored.find((each) => each.dataset === dataset)?.lostSeconds;
  const endedAt = report.steps.find(({ name }) => name === step)?.endedAt ?? null;
  const backAfter = endedAt === null ? null : (Date.parse(endedAt) - Date.parse(report.disasterAt)) / 1_000;
  const asOf = age === undefined ? 'unknown' : `${age.toFixed(1)} s before`;
  return [kind, what, had, has, had - has, asOf, backAfter === null ? 'never' : `${backAfter.toFixed(1)} s`];
}
