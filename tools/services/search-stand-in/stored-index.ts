import { isExactNumber } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError } from './api-error.js';
import { embeddersOf, namesIn, type Settings } from './settings.js';
import { breathe, TextIndex } from './text-index.js';
import { checkVectors, VECTORS } from './vectors.js';

/** One index: its documents by id, in the order in which they came. */
export class StoredIndex {
  documents: Map<string, JsonObject> = new Map();
  settings: Settings = {};
  readonly text = new TextIndex();

  constructor(
    public uid: string,
    public primaryKey: string | null,
    readonly createdAt: string,
    public updatedAt: string = createdAt,
  ) {}

  get view() {
    const { uid, createdAt, updatedAt, primaryKey } = this;
    return { uid, createdAt, updatedAt, primaryKey };
  }

  get searchable(): readonly string[] {
    return namesIn(this.settings, 'searchableAttributes') as string[];
  }

  setPrimaryKey(primaryKey: string): void {
    if (this.primaryKey === primaryKey) return;
    if (this.primaryKey !== null && this.documents.size > 0) {
      throw new ApiError(
        'index_primary_key_already_exists',
        `Index already has a primary key: \`${this.primaryKey}\`.`,
      );
    }
    this.primaryKey = primaryKey;
  }

  /** All of them or none: what cannot be stored is found before anything is. */
  async put(given: readonly JsonObject[], { isUpdate, primaryKey, ...mode }: PutOptions): Promise<void> {
    const key = this.choosePrimaryKey(given, primaryKey);
    const changed = new Map<string, JsonObject>();
    for (const [at, document] of given.entries()) {
      const id = toId(document, key);
      const before = isUpdate ? (changed.get(id) ?? this.documents.get(id)) : undefined;
      const merged = before === undefined ? document : mergeDocuments(before, document);
      checkVectors(id, merged, embeddersOf(this.settings));
      changed.set(id, merged);
      if (at % 1_000 === 999) await breathe(mode.signal);
    }
    await this.changeText(changed, [], mode);
    this.primaryKey = key;
    for (const [id, document] of changed) this.documents.set(id, document);
  }

  async remove(ids: readonly string[], mode: WorkMode): Promise<number> {
    const there = [...new Set(ids)].filter((id) => this.documents.has(id));
    await this.changeText(new Map(), there, mode);
    for (const id of there) this.documents.delete(id);
    return there.length;
  }

  clear(): number {
    const count = this.documents.size;
    this.documents.clear();
    this.text.forget();
    return count;
  }

  /** Half of the words would be worse than none: they are made anew when the work was cut short. */
  private async changeText(
    changed: ReadonlyMap<string, JsonObject>,
    removed: readonly string[],
    { signal, isReplay }: WorkMode,
  ) {
    if (isReplay) return this.text.forget();
    try {
      await this.text.build(this.documents, this.searchable);
      await this.text.change(changed, removed, { searchable: this.searchable, signal });
    } catch (error) {
      this.text.forget();
      throw error;
    }
  }

  private choosePrimaryKey(given: readonly JsonObject[], asked: string | undefined): string {
    if (this.primaryKey !== null) {
      if (asked === undefined || asked === this.primaryKey) return this.primaryKey;
      throw new ApiError(
        'index_primary_key_already_exists',
        `Index already has a primary key: \`${this.primaryKey}\`.`,
      );
    }
    return asked ?? inferPrimaryKey(given[0] ?? {});
  }
}

export interface WorkMode {
  readonly signal: AbortSignal;
  /** At a start, when words would be made again and again: the first search makes them. */
  readonly isReplay: boolean;
}

export interface PutOptions extends WorkMode {
  /** Lays the fields over those of a document that is there, instead of replacing it. */
  readonly isUpdate: boolean;
  readonly primaryKey: string | undefined;
}

function inferPrimaryKey(document: JsonObject): string {
  const candidates = Object.keys(document).filter((name) => name.toLowerCase().endsWith('id'));
  const [only, second] = candidates;
  if (only === undefined) {
    throw new ApiError(
      'index_primary_key_no_candidate_found',
      'The primary key inference failed as the engine did not find any field ending with `id` in its name. Please specify the primary key manually using the `primaryKey` query parameter.',
    );
  }
  if (second === undefined) return only;
  throw new ApiError(
    'index_primary_key_multiple_candidates_found',
    `The primary key inference failed as the engine found ${candidates.length} fields ending with \`id\` in their names: '${only}' and '${second}'. Please specify the primary key manually using the \`primaryKey\` query parameter.`,
  );
}

function toId(document: JsonObject, primaryKey: string): string {
  if (!Object.hasOwn(document, primaryKey)) {
    throw new ApiError(
      'missing_document_id',
      `Document doesn't have a \`${primaryKey}\` attribute: \`${JSON.stringify(document)}\`.`,
    );
  }
  const value = document[primaryKey] as Json;
  const text = isExactNumber(value) ? value.rawJSON : value;
  const isPossible = typeof text === 'string' ? /^[a-zA-Z0-9_-]{1,511}$/.test(text) : Number.isInteger(text);
  if (isPossible) return String(text);
  throw new ApiError(
    'invalid_document_id',
    `Document identifier \`${JSON.stringify(value)}\` is invalid. A document identifier can be of type integer or string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes.`,
  );
}

function mergeDocuments(before: JsonObject, change: JsonObject): JsonObject {
  const vectors = change[VECTORS];
  if (vectors === undefined || before[VECTORS] === undefined) return { ...before, ...change };
  return { ...before, ...change, [VECTORS]: { ...(before[VECTORS] as JsonObject), ...(vectors as JsonObject) } };
}
