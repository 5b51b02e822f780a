import type { PlanEvaluationView } from '#common/contracts/api-views.js';
import type { Service } from '#common/service/open-service.js';

/** What the last evaluation of each recovery plan found. */
export async function listEvaluations({ catalog }: Pick<Service, 'catalog'>): Promise<PlanEvaluationView[]> {
  const rows = await catalog.transaction((tx) => tx.planEvaluations.list());
  return rows.map(({ plan, wouldSucceed, since, evaluatedAt, problems, forecast }) => ({
    ...{ plan, wouldSucceed, since: since.toISOString(), evaluatedAt: evaluatedAt.toISOString(), problems, forecast },
  }));
}
