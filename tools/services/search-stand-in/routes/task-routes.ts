import { ApiError } from '../api-error.js';
import { type Call, checkQuery, ok, type Route, readCount } from '../http.js';
import { isDone, type Task, toSummary, toTaskView } from '../task.js';
import { filterParameters, toTaskFilter } from '../task-filter.js';

/** Newest first. A key that is bound to indexes sees the tasks of those only. */
function tasksFor({ store, access }: Call): Task[] {
  const mayBeSeen = ({ indexUid }: Task) => (indexUid === null ? access.mayUse('') : access.mayUse(indexUid));
  return [...store.tasks.values()].filter(mayBeSeen).sort((a, b) => b.uid - a.uid);
}

function list(call: Call) {
  const { query } = call;
  checkQuery(query, ['limit', 'from', 'reverse', ...filterParameters]);
  const limit = readCount(query, 'limit', { standard: 20, code: 'invalid_task_limit' });
  const from = query.has('from') ? readCount(query, 'from', { standard: 0, code: 'invalid_task_from' }) : undefined;
  const isReverse = readReverse(query);
  const found = tasksFor(call).filter(toTaskFilter(query));
  if (isReverse) found.reverse();
  const isPast = ({ uid }: Task) => from !== undefined && (isReverse ? uid < from : uid > from);
  const rest = found.filter((task) => !isPast(task));
  const shown = rest.slice(0, limit);
  return ok({
    results: shown.map(toTaskView),
    total: found.length,
    limit,
    from: shown[0]?.uid ?? null,
    next: rest[limit]?.uid ?? null,
  });
}

function readReverse(query: URLSearchParams): boolean {
  const text = query.get('reverse') ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ApiError(
    'invalid_task_reverse',
    `Invalid value in parameter \`reverse\`: could not parse \`${text}\` as a boolean, expected either \`true\` or \`false\``,
  );
}

function getOne(call: Call) {
  const uid = call.path['uid'] ?? '';
  if (!/^\d+$/.test(uid))
    throw new ApiError(
      'invalid_task_uids',
      `Task uid \`${uid}\` is invalid. It should only contain numeric characters.`,
    );
  const task = tasksFor(call).find((each) => each.uid === Number(uid));
  if (task === undefined) throw new ApiError('task_not_found', `Task \`${uid}\` not found.`);
  return ok(toTaskView(task));
}

const verbs = {
  cancel: { type: 'taskCancelation', isMeant: (task: Task) => !isDone(task) },
  delete: { type: 'taskDeletion', isMeant: isDone },
} as const;

/** A task about tasks: which ones it means is decided now. */
function actOn(call: Call, verb: keyof typeof verbs) {
  const { query, queue } = call;
  checkQuery(query, filterParameters);
  if (query.size === 0) {
    const known = filterParameters.map((name) => `\`${name}\``).join(', ');
    throw new ApiError(
      'missing_task_filters',
      `Query parameters to filter the tasks to ${verb} are missing. Available query parameters are: ${known}.`,
    );
  }
  const { type, isMeant } = verbs[verb];
  const matched = tasksFor(call).filter(toTaskFilter(query));
  const details = { matchedTasks: matched.length, originalFilter: `?${query.toString()}` };
  const content = { uids: matched.filter(isMeant).map(({ uid }) => uid) };
  return ok(toSummary(queue.add({ type, indexUid: null, details, content })));
}

export const taskRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/tasks', action: 'tasks.get', handle: list },
  { method: 'GET', pattern: '/tasks/:uid', action: 'tasks.get', handle: getOne },
  { method: 'POST', pattern: '/tasks/cancel', action: 'tasks.cancel', handle: (call) => actOn(call, 'cancel') },
  { method: 'DELETE', pattern: '/tasks', action: 'tasks.delete', handle: (call) => actOn(call, 'delete') },
];
