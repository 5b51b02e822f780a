import MiniSearch from 'minisearch';
import type { Json, JsonObject } from '#common/domain/json.js';
import { leavesOf, valuesAt } from './attributes.js';
import { VECTORS } from './vectors.js';

interface Entry {
  readonly id: string;
  readonly text: string;
}

/** Documents between two looks at the clock, so that the server answers while a task works. */
const CHUNK = 200;

/** The words of an index's documents. Built anew from all of them after a restart and when the searchable attributes change. */
export class TextIndex {
  private index: MiniSearch<Entry> | undefined;
  private building: Promise<MiniSearch<Entry>> | undefined;

  /** Drops everything; the next `build` makes it anew. */
  forget(): void {
    this.index = undefined;
    this.building = undefined;
  }

  /** Two calls at once build once, and what was dropped meanwhile is built again. */
  async build(documents: ReadonlyMap<string, JsonObject>, searchable: readonly string[]): Promise<void> {
    while (this.index === undefined) {
      this.building ??= makeIndex(documents, searchable);
      const building = this.building;
      const index = await building;
      if (this.building === building) this.index = index;
    }
  }

  /** Brings words in step with documents that came, changed or went. A caller that aborts it has to `forget`. */
  async change(
    changed: ReadonlyMap<string, JsonObject>,
    removed: Iterable<string>,
    options: { readonly searchable: readonly string[]; readonly signal: AbortSignal },
  ): Promise<void> {
    if (this.index === undefined) return;
    for (const id of [...removed, ...changed.keys()]) if (this.index.has(id)) this.index.discard(id);
    await addInChunks(this.index, changed, options);
  }

  /** Ids by rank. A word may be the beginning of one, and may be mistyped, as the API's defaults allow. */
  search(text: string, words: 'all' | 'last'): string[] {
    const terms = text.split(/\s+/).filter((word) => word !== '');
    const found = new Set<string>();
    for (let count = terms.length; count > 0; count -= 1) {
      for (const { id } of this.index?.search(terms.slice(0, count).join(' ')) ?? []) found.add(id as string);
      if (words === 'all') break;
    }
    return [...found];
  }
}

const newIndex = (): MiniSearch<Entry> =>
  new MiniSearch<Entry>({
    fields: ['text'],
    processTerm: (term) => term.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase(),
    searchOptions: {
      combineWith: 'AND',
      prefix: (_, at, terms) => at === terms.length - 1,
      fuzzy: (term) => (term.length >= 9 ? 2 : term.length >= 5 ? 1 : false),
    },
  });

async function makeIndex(documents: ReadonlyMap<string, JsonObject>, searchable: readonly string[]) {
  const index = newIndex();
  await addInChunks(index, documents, { searchable, signal: new AbortController().signal });
  return index;
}

async function addInChunks(
  index: MiniSearch<Entry>,
  documents: ReadonlyMap<string, JsonObject>,
  { searchable, signal }: { readonly searchable: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  let count = 0;
  for (const [id, document] of documents) {
    index.add({ id, text: toText(document, searchable) });
    count += 1;
    if (count % CHUNK === 0) await breathe(signal);
  }
}

/** Lets requests in, and ends the work when it was cancelled. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}

function toText(document: JsonObject, searchable: readonly string[]): string {
  const { [VECTORS]: _, ...plain } = document;
  const values = searchable.includes('*') ? allLeaves(plain) : searchable.flatMap((name) => valuesAt(plain, name));
  return values
    .flatMap(allLeaves)
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .join(' ');
}

const allLeaves = (value: Json): readonly Json[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.values(value).flatMap(allLeaves)
    : leavesOf(value).flatMap((leaf) => (typeof leaf === 'object' && leaf !== null ? allLeaves(leaf) : [leaf]));
