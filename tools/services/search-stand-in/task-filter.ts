import { ApiError, type ErrorCode } from './api-error.js';
import { type Task, taskStatuses, taskTypes } from './task.js';

/** The instants of a task, and the two parameters about each. */
const instants = ['EnqueuedAt', 'StartedAt', 'FinishedAt'] as const;

export const filterParameters = [
  ...['uids', 'indexUids', 'statuses', 'types', 'canceledBy'],
  ...instants.flatMap((name) => [`before${name}`, `after${name}`]),
];

/** Types of tasks that only a real one has: none of ours is ever one of them. */
const otherTypes = [
  'documentEdition',
  'dumpCreation',
  'snapshotCreation',
  'export',
  'upgradeDatabase',
  'indexCompaction',
];

/** The question that the parameters of a task list, a cancelation or a deletion ask of each task. */
export function toTaskFilter(query: URLSearchParams): (task: Task) => boolean {
  const uids = readNumbers(query, 'uids', 'invalid_task_uids');
  const canceledBy = readNumbers(query, 'canceledBy', 'invalid_task_canceled_by');
  const indexUids = readWords(query, 'indexUids');
  const statuses = checked(readWords(query, 'statuses'), taskStatuses, {
    name: 'statuses',
    code: 'invalid_task_statuses',
    noun: 'status',
  });
  const types = checked(readWords(query, 'types'), [...taskTypes, ...otherTypes], {
    ...{ name: 'types', code: 'invalid_task_types', noun: 'type' },
  });
  const isWithin = toTimeFilter(query);
  return (task) =>
    (uids?.includes(task.uid) ?? true) &&
    (canceledBy === undefined || (task.canceledBy !== null && canceledBy.includes(task.canceledBy))) &&
    (indexUids === undefined || (task.indexUid !== null && indexUids.includes(task.indexUid))) &&
    (statuses?.includes(task.status) ?? true) &&
    (types?.includes(task.type) ?? true) &&
    isWithin(task);
}

/** `*` means all, like no parameter at all. */
function readWords(query: URLSearchParams, name: string): readonly string[] | undefined {
  const text = query.get(name);
  return text === null || text === '*' ? undefined : text.split(',');
}

function readNumbers(query: URLSearchParams, name: string, code: ErrorCode): readonly number[] | undefined {
  const words = readWords(query, name);
  return words?.map((word, at) => {
    if (/^\d+$/.test(word)) return Number(word);
    const where = words.length === 1 ? name : `${name}[${at}]`;
    throw new ApiError(
      code,
      `Invalid value in parameter \`${where}\`: could not parse \`${word}\` as a positive integer`,
    );
  });
}

function checked(
  words: readonly string[] | undefined,
  known: readonly string[],
  { name, code, noun }: { readonly name: string; readonly code: string; readonly noun: string },
) {
  const wrong = words?.find((word) => !known.includes(word));
  if (wrong === undefined) return words;
  const list = known.map((word) => `\`${word}\``).join(', ');
  const plural = noun === 'status' ? 'statuses' : 'types';
  throw new ApiError(
    code as ErrorCode,
    `Invalid value in parameter \`${name}\`: \`${wrong}\` is not a valid task ${noun}. Available ${plural} are ${list}.`,
  );
}

function toTimeFilter(query: URLSearchParams): (task: Task) => boolean {
  const bounds = instants.map((name) => {
    const field = `${name[0]?.toLowerCase()}${name.slice(1)}` as 'enqueuedAt' | 'startedAt' | 'finishedAt';
    return { field, before: readInstant(query, `before${name}`), after: readInstant(query, `after${name}`) };
  });
  return (task) =>
    bounds.every(({ field, before, after }) => {
      if (before === undefined && after === undefined) return true;
      const at = Date.parse(task[field] ?? '');
      return !(before !== undefined && !(at < before)) && !(after !== undefined && !(at > after));
    });
}

function readInstant(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '*') return undefined;
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new ApiError(
    'bad_request',
    `Invalid value in parameter \`${name}\`: \`${text}\` is an invalid date-time. It should follow the YYYY-MM-DD or RFC 3339 date-time format.`,
  );
}
