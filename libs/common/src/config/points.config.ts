import { inOrder } from '#common/domain/points/member-order.js';
import { problemOfMethod } from './method-problem.js';
import type { PlanConfig } from './plans/plan.config.js';
import type { PointConfig } from './policies.config.js';

interface Points {
  readonly datasets: Readonly<Record<string, { readonly kind: string }>>;
  readonly schedules: object;
  readonly drills: object;
  readonly points: Readonly<Record<string, PointConfig>>;
  readonly plans: Readonly<Record<string, PlanConfig>>;
}

interface Found {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What is wrong with recovery points, and with plans that recover to one. */
export const findPointProblems = (config: Points): Found[] => [
  ...Object.entries(config.points).flatMap(([name, point]) => findProblems(name, point, config)),
  ...Object.entries(config.plans).flatMap(([name, plan]) => findPlanProblems(name, plan, config)),
];

function findProblems(name: string, { members }: PointConfig, { datasets, schedules, drills }: Points): Found[] {
  const names = members.map(({ dataset }) => dataset);
  const taken = [
    ['dataset', datasets],
    ['schedule', schedules],
    ['drill', drills],
  ] as const;
  const problems: Found[] = taken
    .filter(([, others]) => Object.hasOwn(others, name))
    .map(([what]) => ({
      path: ['points', name],
      message: `a ${what} has this name already, and runs and verbs would not tell them apart`,
    }));
  members.forEach(({ dataset, method, refersTo }, index) => {
    const at = (field: string) => ['points', name, 'members', index, field];
    const { kind } = datasets[dataset] ?? {};
    const wrong = kind === undefined ? undefined : problemOfMethod(kind, method);
    if (kind === undefined)
      problems.push({
        path: at('dataset'),
        message: `there is no dataset "${dataset}"; there is: ${Object.keys(datasets).join(', ')}`,
      });
    if (names.indexOf(dataset) < index)
      problems.push({ path: at('dataset'), message: `dataset "${dataset}" is a member already` });
    if (wrong !== undefined) problems.push({ path: at('method'), message: wrong });
    for (const other of refersTo.filter((each) => !names.includes(each)))
      problems.push({ path: at('refersTo'), message: `"${other}" is no member; there is: ${names.join(', ')}` });
  });
  if (inOrder(members) === undefined)
    problems.push({
      path: ['points', name, 'members'],
      message: 'members refer to each other in a circle, so that none can be taken first',
    });
  return problems;
}

/** Which backup a member of the point comes back from says the point. */
function findPlanProblems(name: string, { point, steps }: PlanConfig, { points }: Points): Found[] {
  if (point === undefined) return [];
  const members = points[point]?.members.map(({ dataset }) => dataset);
  if (members === undefined) {
    const message = `there is no recovery point "${point}"; there is: ${Object.keys(points).join(', ') || 'none'}`;
    return [{ path: ['plans', name, 'point'], message }];
  }
  return steps.flatMap((step, index) => {
    if (step.use !== 'restore' || !members.includes(step.dataset)) return [];
    const said = [
      ...(step.recovery === undefined ? [] : ['recovery']),
      ...(step.backup === 'latest' ? [] : ['backup']),
    ];
    return said.map((field) => ({
      path: ['plans', name, 'steps', index, field],
      message: `which moment of "${step.dataset}" comes back says recovery point "${point}" of the plan: leave \`${field}\` out`,
    }));
  });
}
