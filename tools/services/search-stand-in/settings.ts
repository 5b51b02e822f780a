import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError, type ErrorCode } from './api-error.js';

export interface EmbedderSettings extends JsonObject {
  readonly source: string;
  readonly dimensions: number;
}

/** The settings of an index that was never given any. Source: Meilisearch API reference, "Settings object". */
const defaults = {
  displayedAttributes: ['*'],
  searchableAttributes: ['*'],
  filterableAttributes: [],
  sortableAttributes: [],
  rankingRules: ['words', 'typo', 'proximity', 'attributeRank', 'sort', 'wordPosition', 'exactness'],
  stopWords: [],
  nonSeparatorTokens: [],
  separatorTokens: [],
  dictionary: [],
  synonyms: {},
  distinctAttribute: null,
  proximityPrecision: 'byWord',
  typoTolerance: {
    enabled: true,
    minWordSizeForTypos: { oneTypo: 5, twoTypos: 9 },
    disableOnWords: [],
    disableOnAttributes: [],
    disableOnNumbers: false,
  },
  faceting: { maxValuesPerFacet: 100, sortFacetValuesBy: { '*': 'alpha' } },
  pagination: { maxTotalHits: 1000 },
  embedders: {},
  searchCutoffMs: null,
  localizedAttributes: null,
  facetSearch: true,
  prefixSearch: 'indexingTime',
} as const satisfies JsonObject;

export type SettingName = keyof typeof defaults;
export const settingNames = Object.keys(defaults) as SettingName[];

/** Those of which a change names only the members that it changes. */
const merged: ReadonlySet<string> = new Set(['typoTolerance', 'faceting', 'pagination', 'embedders']);
export const isMerged = (name: SettingName): boolean => merged.has(name);

/** The settings that a client gave an index; all others are as by default. */
export type Settings = { readonly [name in SettingName]?: Json };

export function toFullSettings(settings: Settings): Record<SettingName, Json> {
  const full = settingNames.map((name) => {
    const given = settings[name];
    return [
      name,
      isMerged(name) ? mergeObjects(defaults[name] as JsonObject, given as JsonObject) : (given ?? defaults[name]),
    ];
  });
  return Object.fromEntries(full) as Record<SettingName, Json>;
}

export const embeddersOf = (settings: Settings): Readonly<Record<string, EmbedderSettings>> =>
  (settings.embedders ?? {}) as Record<string, EmbedderSettings>;

/** The lists among the settings that name attributes. */
export const namesIn = (settings: Settings, name: SettingName): readonly Json[] =>
  toFullSettings(settings)[name] as readonly Json[];

/** A change laid over what there is. Null brings a default back; null for one embedder removes it. */
export function mergeSettings(settings: Settings, change: JsonObject): Settings {
  const next: Record<string, Json> = { ...settings };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete next[name];
    else
      next[name] = merged.has(name) ? mergeObjects(next[name] as JsonObject | undefined, value as JsonObject) : value;
  }
  return next;
}

/** One level of objects within objects, as of an embedder's members; a null takes a member away. */
function mergeObjects(base: JsonObject | undefined, change: JsonObject | undefined): JsonObject {
  const next: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(change ?? {})) {
    if (value === null) delete next[key];
    else next[key] = isObject(value) && isObject(next[key]) ? mergeObjects(next[key], value) : value;
  }
  return next;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws what the API answers to a change that is no settings object. */
export function checkSettings(change: Json | undefined): JsonObject {
  if (!isObject(change)) throw new ApiError('bad_request', 'Invalid value type: expected an object');
  for (const [name, value] of Object.entries(change)) {
    if (!Object.hasOwn(defaults, name)) {
      const known = settingNames.map((each) => `\`${each}\``).join(', ');
      throw new ApiError('bad_request', `Unknown field \`${name}\`: expected one of ${known}`);
    }
    const standard: Json = defaults[name as SettingName];
    const wrong = value !== null && standard !== null && typeOf(value) !== typeOf(standard);
    if (wrong) throw new ApiError(toCode(name), `Invalid value type at \`.${name}\`: expected ${typeOf(standard)}`);
  }
  return change;
}

const typeOf = (value: Json): string =>
  Array.isArray(value) ? 'an array' : isObject(value) ? 'an object' : `a ${typeof value}`;

function toCode(name: string): ErrorCode {
  const code = `invalid_settings_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  return settingCodes.has(code) ? (code as ErrorCode) : 'bad_request';
}

const settingCodes: ReadonlySet<string> = new Set([
  'invalid_settings_displayed_attributes',
  'invalid_settings_embedders',
  'invalid_settings_filterable_attributes',
  'invalid_settings_ranking_rules',
  'invalid_settings_searchable_attributes',
  'invalid_settings_sortable_attributes',
]);

/** The API never shows an embedder's key again: its beginning, by its length, and crosses. */
export function hideSecrets(settings: JsonObject): JsonObject {
  const { embedders } = settings;
  if (!isObject(embedders)) return settings;
  const hidden = Object.entries(embedders).map(([name, embedder]) => {
    const key = isObject(embedder) ? embedder['apiKey'] : undefined;
    return [name, typeof key === 'string' ? { ...(embedder as JsonObject), apiKey: hideSecret(key) } : embedder];
  });
  return { ...settings, embedders: Object.fromEntries(hidden) as JsonObject };
}

function hideSecret(secret: string): string {
  const [shown, crosses] =
    secret.length < 10 ? [0, 3] : secret.length < 20 ? [2, 4] : secret.length < 30 ? [3, 5] : [5, 6];
  return `${secret.slice(0, shown)}${'X'.repeat(crosses)}...`;
}
