import { randomUUID } from 'node:crypto';
import type { Json, JsonObject } from '#common/domain/json.js';
import { ApiError, type ErrorCode } from '../api-error.js';
import { type ApiKey, actions } from '../api-key.js';
import { type Call, ok, type Route, readObject, toPage } from '../http.js';

function toView(key: ApiKey, { keys }: Call) {
  const { uid, name, description, actions: granted, indexes, expiresAt, createdAt, updatedAt } = key;
  return {
    name,
    description,
    key: keys.secretOf(key),
    uid,
    actions: granted,
    indexes,
    expiresAt,
    createdAt,
    updatedAt,
  };
}

function list(call: Call) {
  const newestFirst = [...call.store.keys.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const page = toPage(newestFirst, call.query, { offset: 'invalid_api_key_offset', limit: 'invalid_api_key_limit' });
  return ok({ ...page, results: page.results.map((key) => toView(key, call)) });
}

/** A key is named by its uid, or by itself. */
function find(call: Call): ApiKey {
  const name = call.path['key'] ?? '';
  const key = [...call.store.keys.values()].find((each) => each.uid === name || call.keys.secretOf(each) === name);
  if (key === undefined) throw new ApiError('api_key_not_found', `API key \`${name}\` not found.`);
  return key;
}

function create(call: Call) {
  const body = readObject(call, ['uid', 'name', 'description', 'actions', 'indexes', 'expiresAt']);
  const now = new Date().toISOString();
  const key: ApiKey = {
    uid: readUid(body),
    name: readText(body, 'name'),
    description: readText(body, 'description'),
    actions: readActions(body),
    indexes: readIndexes(body),
    expiresAt: readExpiry(body),
    ...{ createdAt: now, updatedAt: now },
  };
  if (call.store.keys.has(key.uid))
    throw new ApiError('api_key_already_exists', `\`uid\` field value \`${key.uid}\` is already an existing API key.`);
  call.store.putKey(key);
  return { status: 201, body: toView(key, call) };
}

const required = (body: JsonObject, name: string, code: ErrorCode): Json => {
  if (body[name] === undefined) throw new ApiError(code, `Missing field \`${name}\``);
  return body[name];
};

function readUid({ uid = randomUUID() }: JsonObject): string {
  if (typeof uid === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uid)) return uid;
  throw new ApiError('invalid_api_key_uid', 'Invalid value at `.uid`: expected a UUID');
}

function readText(body: JsonObject, name: 'name' | 'description'): string | null {
  const value = body[name] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw new ApiError(`invalid_api_key_${name}`, `Invalid value type at \`.${name}\`: expected a string`);
}

function readActions(body: JsonObject): string[] {
  const given = required(body, 'actions', 'missing_api_key_actions');
  if (!Array.isArray(given))
    throw new ApiError('invalid_api_key_actions', 'Invalid value type at `.actions`: expected an array');
  const known: readonly string[] = actions;
  const wrong = given.findIndex((action: Json) => !known.includes(String(action)));
  if (wrong < 0) return given as string[];
  throw new ApiError(
    'invalid_api_key_actions',
    `Unknown value \`${given[wrong]}\` at \`.actions[${wrong}]\`: expected one of ${known.map((each) => `\`${each}\``).join(', ')}`,
  );
}

function readIndexes(body: JsonObject): string[] {
  const given = required(body, 'indexes', 'missing_api_key_indexes');
  if (!Array.isArray(given))
    throw new ApiError('invalid_api_key_indexes', 'Invalid value type at `.indexes`: expected an array');
  const wrong = given.findIndex((pattern: Json) => typeof pattern !== 'string' || !/^[a-zA-Z0-9_-]*\*?$/.test(pattern));
  if (wrong < 0) return given as string[];
  throw new ApiError(
    'invalid_api_key_indexes',
    `Invalid value at \`.indexes[${wrong}]\`: \`${given[wrong]}\` is not a valid index uid pattern.`,
  );
}

function readExpiry(body: JsonObject): string | null {
  const given = required(body, 'expiresAt', 'missing_api_key_expires_at');
  if (given === null) return null;
  const at = typeof given === 'string' ? Date.parse(given) : Number.NaN;
  if (at > Date.now()) return new Date(at).toISOString();
  throw new ApiError(
    'invalid_api_key_expires_at',
    `Invalid value at \`.expiresAt\`: \`${String(given)}\` is not a valid date in the future`,
  );
}

function update(call: Call) {
  const key = find(call);
  const known = ['name', 'description', 'uid', 'actions', 'indexes', 'expiresAt', 'key'];
  const body = readObject(call, known);
  const fixed = known.slice(2).find((name) => body[name] !== undefined);
  if (fixed !== undefined) {
    const code = `immutable_api_key_${fixed === 'expiresAt' ? 'expires_at' : fixed}` as ErrorCode;
    throw new ApiError(code, `Immutable field \`${fixed}\`: expected one of \`description\`, \`name\``);
  }
  const changed = {
    ...key,
    ...(body['name'] === undefined ? {} : { name: readText(body, 'name') }),
    ...(body['description'] === undefined ? {} : { description: readText(body, 'description') }),
    updatedAt: new Date().toISOString(),
  };
  call.store.putKey(changed);
  return ok(toView(changed, call));
}

function remove(call: Call) {
  call.store.removeKey(find(call).uid);
  return { status: 204 };
}

export const keyRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/keys', action: 'keys.get', handle: list },
  { method: 'POST', pattern: '/keys', action: 'keys.create', handle: create },
  { method: 'GET', pattern: '/keys/:key', action: 'keys.get', handle: (call) => ok(toView(find(call), call)) },
  { method: 'PATCH', pattern: '/keys/:key', action: 'keys.update', handle: update },
  { method: 'DELETE', pattern: '/keys/:key', action: 'keys.delete', handle: remove },
];
