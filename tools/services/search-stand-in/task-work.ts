import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError } from './api-error.js';
import type { Features } from './features.js';
import { toPredicate } from './filter.js';
import { mergeSettings, type SettingName } from './settings.js';
import { StoredIndex, type WorkMode } from './stored-index.js';
import type { Task, TaskContent } from './task.js';

/** What a task works on besides its own content. */
export interface WorkState {
  readonly indexes: Map<string, StoredIndex>;
  readonly features: Features;
  /** Tasks that wait, or are done, in their order. */
  readonly tasks: ReadonlyMap<number, Task>;
  cancelTask(uid: number, by: Task): void;
  forgetTask(uid: number): void;
  /** Everything that there is, as a file that a start takes in. Throws `ApiError` where no folder is named. */
  writeFile(kind: 'dump' | 'snapshot', name: string): void;
}

export interface Work extends WorkMode {
  readonly state: WorkState;
  readonly task: Task;
  readonly content: TaskContent;
  /** When the task began: the same at a replay of the journal. */
  readonly at: string;
}

/** Does the work of a task and returns what its details say afterwards. Throws `ApiError` having changed nothing. */
export async function doWork(work: Work): Promise<JsonObject> {
  const details = await workers[work.task.type](work);
  const index = work.task.indexUid === null ? undefined : work.state.indexes.get(work.task.indexUid);
  if (index !== undefined) index.updatedAt = work.at;
  return details;
}

const workers: { readonly [type in Task['type']]: (work: Work) => Promise<JsonObject> } = {
  indexCreation: async (work) => {
    const uid = uidOf(work);
    const primaryKey = (work.content['primaryKey'] as string | null) ?? null;
    if (work.state.indexes.has(uid)) throw new ApiError('index_already_exists', `Index \`${uid}\` already exists.`);
    work.state.indexes.set(uid, new StoredIndex(uid, primaryKey, work.at));
    return {};
  },

  indexUpdate: async (work) => {
    const index = indexOf(work);
    const { primaryKey, uid } = work.content as { primaryKey?: string; uid?: string };
    if (uid !== undefined && uid !== index.uid && work.state.indexes.has(uid))
      throw new ApiError('index_already_exists', `Index \`${uid}\` already exists.`);
    if (primaryKey !== undefined) within(index.uid, () => index.setPrimaryKey(primaryKey));
    if (uid !== undefined) move(work.state, index, uid);
    return {};
  },

  indexDeletion: async (work) => {
    const index = indexOf(work);
    work.state.indexes.delete(index.uid);
    return { deletedDocuments: index.documents.size };
  },

  indexSwap: async (work) => {
    const swaps = work.content['swaps'] as unknown as readonly Swap[];
    checkSwaps(work.state, swaps);
    for (const swap of swaps) swapIndexes(work, swap);
    return {};
  },

  documentAdditionOrUpdate: async (work) => {
    const { documents, isUpdate, primaryKey } = work.content as unknown as {
      readonly documents: readonly JsonObject[];
      readonly isUpdate: boolean;
      readonly primaryKey: string | null;
    };
    const index = indexOrNew(work);
    const options = { ...work, isUpdate, primaryKey: primaryKey ?? undefined };
    await within(index.uid, () => index.put(documents, options));
    work.state.indexes.set(index.uid, index);
    return { indexedDocuments: documents.length };
  },

  documentDeletion: async (work) => {
    const index = indexOf(work);
    const { ids, filter } = work.content as { ids?: readonly string[]; filter?: Json };
    if (ids !== undefined) return { deletedDocuments: await index.remove(ids, work) };
    if (filter === undefined) return { deletedDocuments: index.clear() };
    const matches = within(index.uid, () =>
      toPredicate(filter, {
        ...{ settings: index.settings, features: work.state.features, code: 'invalid_document_filter' },
      }),
    );
    const found = [...index.documents].filter(([, document]) => matches(document)).map(([id]) => id);
    return { deletedDocuments: await index.remove(found, work) };
  },

  settingsUpdate: async (work) => {
    const index = indexOrNew(work);
    const change = work.content['settings'] as JsonObject | null;
    const before = index.searchable;
    index.settings = change === null ? {} : mergeSettings(index.settings, change as { [name in SettingName]?: Json });
    if (JSON.stringify(before) !== JSON.stringify(index.searchable)) index.text.forget();
    work.state.indexes.set(index.uid, index);
    return {};
  },

  taskCancelation: async ({ state, task, content }) => {
    const uids = content['uids'] as readonly number[];
    const waiting = uids.filter((uid) => state.tasks.get(uid)?.status === 'enqueued');
    for (const uid of waiting) state.cancelTask(uid, task);
    return { canceledTasks: waiting.length };
  },

  taskDeletion: async ({ state, content }) => {
    const there = (content['uids'] as readonly number[]).filter((uid) => state.tasks.has(uid));
    for (const uid of there) state.forgetTask(uid);
    return { deletedTasks: there.length };
  },

  dumpCreation: async ({ state, at, isReplay }) => {
    const dumpUid = toDumpUid(at);
    if (!isReplay) state.writeFile('dump', `${dumpUid}.dump`);
    return { dumpUid };
  },

  snapshotCreation: async ({ state, isReplay }) => {
    if (!isReplay) state.writeFile('snapshot', 'db.snapshot');
    return {};
  },
};

const toDumpUid = (at: string): string => at.replace(/[^0-9T]/g, '').replace('T', '-');

const uidOf = ({ task }: Work): string => task.indexUid ?? '';

function indexOf(work: Work): StoredIndex {
  const index = work.state.indexes.get(uidOf(work));
  if (index === undefined) throw new ApiError('index_not_found', `Index \`${uidOf(work)}\` not found.`);
  return index;
}

const indexOrNew = (work: Work): StoredIndex =>
  work.state.indexes.get(uidOf(work)) ?? new StoredIndex(uidOf(work), null, work.at);

/** An error about documents names their index first. */
function within<T>(uid: string, work: () => T): T {
  const name = (error: unknown): never => {
    throw error instanceof ApiError ? new ApiError(error.code, `Index \`${uid}\`: ${error.message}`) : error;
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(name) as T) : result;
  } catch (error) {
    return name(error);
  }
}

interface Swap {
  readonly indexes: readonly [string, string];
  readonly rename: boolean;
}

function checkSwaps({ indexes }: WorkState, swaps: readonly Swap[]): void {
  const missing = swaps
    .flatMap((swap) => swap.indexes.slice(0, swap.rename ? 1 : 2))
    .filter((uid) => !indexes.has(uid));
  if (missing.length === 1) throw new ApiError('index_not_found', `Index \`${missing[0]}\` not found.`);
  if (missing.length > 1)
    throw new ApiError(
      'index_not_found',
      `Indexes ${missing
        .map((uid) => `\`${uid}\``)
        .sort()
        .join(', ')} not found.`,
    );
  const taken = swaps.find((swap) => swap.rename && indexes.has(swap.indexes[1]));
  if (taken === undefined) return;
  const [from, to] = taken.indexes;
  throw new ApiError(
    'index_already_exists',
    `Cannot rename \`${from}\` to \`${to}\` as the index already exists. Hint: You can remove \`${to}\` first and then do your remove.`,
  );
}

/** The tasks before the swap follow their index under its new name. */
function swapIndexes({ state, task }: Work, { indexes: [left, right] }: Swap): void {
  const [one, other] = [state.indexes.get(left), state.indexes.get(right)];
  for (const index of [one, other]) if (index !== undefined) state.indexes.delete(index.uid);
  if (one !== undefined) state.indexes.set(right, Object.assign(one, { uid: right }));
  if (other !== undefined) state.indexes.set(left, Object.assign(other, { uid: left }));
  for (const each of state.tasks.values()) {
    if (each.uid >= task.uid) continue;
    if (each.indexUid === left) each.indexUid = right;
    else if (each.indexUid === right) each.indexUid = left;
  }
}

function move(state: WorkState, index: StoredIndex, uid: string): void {
  state.indexes.delete(index.uid);
  state.indexes.set(uid, Object.assign(index, { uid }));
}
