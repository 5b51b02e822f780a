import type { Json, JsonObject } from '#common/domain/json.js';

export interface WithoutSecrets {
  readonly settings: JsonObject;
  /** `default.apiKey`, `default.headers.Authorization`. */
  readonly secrets: readonly string[];
}

/**
 * Settings as a backup keeps them. The API masks `apiKey` and shows `headers` as they are, which mostly hold a token: neither is kept.
 * A composite embedder has others within it.
 */
export function hideSecrets(settings: JsonObject): WithoutSecrets {
  const secrets: string[] = [];
  const embedders = Object.entries((settings['embedders'] ?? {}) as JsonObject).map(
    ([name, embedder]) => [name, strip(embedder, name, secrets)] as const,
  );
  return { settings: { ...settings, embedders: Object.fromEntries(embedders) }, secrets: secrets.sort() };
}

function strip(value: Json, path: string, secrets: string[]): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const kept: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value as JsonObject)) {
    const at = `${path}.${name}`;
    if (name === 'headers' && isObject(member)) secrets.push(...Object.keys(member).map((each) => `${at}.${each}`));
    else if (name === 'apiKey' && typeof member === 'string') secrets.push(at);
    else kept[name] = COMPOSED.has(name) ? strip(member, at, secrets) : member;
  }
  return kept;
}

/** Members that are embedders themselves. */
const COMPOSED: ReadonlySet<string> = new Set(['searchEmbedder', 'indexingEmbedder']);

/** The settings with what the configuration knows of their secrets. */
export function withSecrets(settings: JsonObject, given: JsonObject): JsonObject {
  return { ...settings, embedders: merge((settings['embedders'] ?? {}) as JsonObject, given) };
}

/** Which of the secrets the configuration does not give. */
export const findLacking = (secrets: readonly string[], given: JsonObject): readonly string[] =>
  secrets.filter((path) => !has(given, path.split('.')));

function has(value: Json | undefined, path: readonly string[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return value !== undefined;
  if (!isObject(value)) return false;
  // A header's name may have a dot in it.
  return has(value[first], rest) || (rest.length > 0 && value[path.join('.')] !== undefined);
}

/** Only of embedders that there are. */
const merge = (base: JsonObject, given: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(base).map(([name, member]) => {
      const more = given[name];
      return [name, isObject(member) && isObject(more) ? { ...member, ...more } : member];
    }),
  );

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
