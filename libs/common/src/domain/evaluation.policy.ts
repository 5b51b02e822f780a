export interface EvaluatedPlan {
  readonly wouldSucceed: boolean;
  readonly problems: readonly { readonly check: string; readonly code: string }[];
}

/** What changed for those who wait for a plan: a new or another danger, or its end. Undefined: nothing that they do not know. */
export function decideNews(
  before: EvaluatedPlan | undefined,
  now: EvaluatedPlan,
): 'endangered' | 'reassured' | undefined {
  if (now.wouldSucceed) return before?.wouldSucceed === false ? 'reassured' : undefined;
  if (before === undefined || before.wouldSucceed) return 'endangered';
  return toKey(before) === toKey(now) ? undefined : 'endangered';
}

/** Messages hold times and sizes, which change by themselves. */
const toKey = ({ problems }: EvaluatedPlan): string =>
  problems
    .map(({ check, code }) => `${check} ${code}`)
    .sort()
    .join('\n');
