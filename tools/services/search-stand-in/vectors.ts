import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError } from './api-error.js';
import type { EmbedderSettings } from './settings.js';

/** The field of a document that carries its embeddings, by embedder. */
export const VECTORS = '_vectors';

export interface Embedding {
  readonly embeddings: readonly (readonly number[])[];
  /** Whether the embedder, and not the client, makes them. */
  readonly regenerate: boolean;
}

const isNumbers = (value: Json): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'number');

/** One embedder's part of `_vectors`: a vector, several, null, or an object that says who makes them. Undefined when none is given. */
export function toEmbedding(given: Json | undefined): Embedding | undefined {
  if (given === undefined) return undefined;
  if (given === null) return { embeddings: [], regenerate: false };
  if (Array.isArray(given)) return { embeddings: toVectors(given), regenerate: false };
  const { embeddings = null, regenerate = false } = given as JsonObject;
  return { embeddings: embeddings === null ? [] : toVectors(embeddings), regenerate: regenerate === true };
}

/** Single precision, as a search engine keeps them. */
function toVectors(given: Json): readonly (readonly number[])[] {
  const list = given as readonly Json[];
  if (list.length === 0) return [];
  const vectors = isNumbers(list) ? [list] : list;
  return vectors.map((vector) => (vector as readonly number[]).map(Math.fround));
}

/** Throws where a document's vectors do not fit their embedders, or where the stand-in would have to make them. */
export function checkVectors(id: string, document: JsonObject, embedders: Readonly<Record<string, EmbedderSettings>>) {
  const given = document[VECTORS] ?? {};
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new ApiError(
      'invalid_vectors_type',
      `The \`_vectors\` field in the document with id: \`${id}\` is not an object. Was expecting an object with a key for each embedder with manually provided vectors, but instead got \`${JSON.stringify(given)}\``,
    );
  }
  for (const [name, { source, dimensions }] of Object.entries(embedders)) {
    const embedding = toEmbedding((given as JsonObject)[name]);
    if (embedding === undefined || (source !== 'userProvided' && embedding.regenerate)) {
      const why = source === 'userProvided' ? '' : ', and the stand-in for Meilisearch makes none';
      throw new ApiError(
        'vector_embedding_error',
        `While embedding documents for embedder \`${name}\`: no vectors provided for document \`${id}\`${why}`,
      );
    }
    const wrong = embedding.embeddings.findIndex((vector) => vector.length !== dimensions);
    if (dimensions === undefined || wrong < 0) continue;
    throw new ApiError(
      'invalid_vector_dimensions',
      `Invalid vector dimensions in document with id \`${id}\` in \`._vectors.${name}\`.\n  - note: embedding #${wrong} has dimensions ${embedding.embeddings[wrong]?.length}\n  - note: embedder \`${name}\` requires ${dimensions}`,
    );
  }
}

/** `_vectors` as the API shows it: those of configured embedders in full, others as they came. */
export function toShownVectors(
  document: JsonObject,
  embedders: Readonly<Record<string, EmbedderSettings>>,
): JsonObject {
  const given = (document[VECTORS] ?? {}) as JsonObject;
  const shown = Object.entries(given).map(([name, vectors]) => {
    const embedding = Object.hasOwn(embedders, name) ? toEmbedding(vectors) : undefined;
    return [name, embedding === undefined ? vectors : { ...embedding }] as const;
  });
  return Object.fromEntries(shown) as JsonObject;
}
