import type { JsonObject } from '#common/domain/json.js';
import { versions } from '../../versions.js';
import { ApiError, notInStandIn } from '../api-error.js';
import { accepted, type Call, ok, type Route, readObject } from '../http.js';
import { embeddersOf } from '../settings.js';
import type { StoredIndex } from '../stored-index.js';
import { isDone, toSummary } from '../task.js';
import { toEmbedding, VECTORS } from '../vectors.js';
import { findIndex } from './index-routes.js';

/** What a client reads as a version, and a person as a name. */
const version = { commitSha: 'stand-in', commitDate: 'stand-in', pkgVersion: `${versions.meilisearch}-stand-in` };

function statsOf(index: StoredIndex, { store }: Call) {
  const documents = [...index.documents.values()];
  const fieldDistribution: Record<string, number> = {};
  for (const document of documents) {
    for (const name of Object.keys(document)) {
      if (name !== VECTORS) fieldDistribution[name] = (fieldDistribution[name] ?? 0) + 1;
    }
  }
  const rawDocumentDbSize = documents.reduce((sum, document) => sum + JSON.stringify(document).length, 0);
  const embeddings = documents.map((document) => countEmbeddings(index, document));
  return {
    numberOfDocuments: documents.length,
    rawDocumentDbSize,
    avgDocumentSize: documents.length === 0 ? 0 : Math.round(rawDocumentDbSize / documents.length),
    isIndexing: [...store.tasks.values()].some((task) => task.indexUid === index.uid && task.status === 'processing'),
    numberOfEmbeddings: embeddings.reduce((sum, count) => sum + count, 0),
    numberOfEmbeddedDocuments: embeddings.filter((count) => count > 0).length,
    fieldDistribution,
  };
}

function countEmbeddings(index: StoredIndex, document: JsonObject): number {
  const vectors = (document[VECTORS] ?? {}) as JsonObject;
  const counts = Object.keys(embeddersOf(index.settings)).map(
    (name) => toEmbedding(vectors[name])?.embeddings.length ?? 0,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function stats(call: Call) {
  const { store, access } = call;
  const indexes = [...store.indexes.values()].filter(({ uid }) => access.mayUse(uid));
  const lastUpdate = [...store.tasks.values()]
    .filter(isDone)
    .map(({ finishedAt }) => finishedAt ?? '')
    .sort()
    .at(-1);
  return ok({
    databaseSize: store.sizeBytes,
    usedDatabaseSize: store.sizeBytes,
    lastUpdate: lastUpdate ?? null,
    indexes: Object.fromEntries(indexes.map((index) => [index.uid, statsOf(index, call)])),
  });
}

function changeFeatures(call: Call) {
  const { multimodal } = readObject(call, Object.keys(call.store.features));
  if (multimodal !== undefined && typeof multimodal !== 'boolean')
    throw new ApiError('bad_request', 'Invalid value type at `.multimodal`: expected a boolean');
  call.store.setFeatures({ ...call.store.features, ...(multimodal === undefined ? {} : { multimodal }) });
  return ok(call.store.features);
}

/** The body of such a request is empty. */
const writeFile = ({ queue }: Call, type: 'dumpCreation' | 'snapshotCreation') => {
  const details: JsonObject = type === 'dumpCreation' ? { dumpUid: null } : {};
  return accepted(toSummary(queue.add({ type, indexUid: null, details, content: {} })));
};

const refuseWebhook = (): never => {
  throw notInStandIn('webhooks');
};

export const systemRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/health', action: undefined, handle: () => ok({ status: 'available' }) },
  {
    method: 'GET',
    pattern: '/experimental-features',
    action: 'experimental.get',
    handle: (call) => ok(call.store.features),
  },
  { method: 'PATCH', pattern: '/experimental-features', action: 'experimental.update', handle: changeFeatures },
  // The stand-in calls no URL, so it has no webhook.
  { method: 'GET', pattern: '/webhooks', action: 'webhooks.get', handle: () => ok({ results: [] }) },
  { method: 'POST', pattern: '/webhooks', action: 'webhooks.create', handle: refuseWebhook },
  {
    method: 'POST',
    pattern: '/dumps',
    action: 'dumps.create',
    handle: (call) => writeFile(call, 'dumpCreation'),
  },
  {
    method: 'POST',
    pattern: '/snapshots',
    action: 'snapshots.create',
    handle: (call) => writeFile(call, 'snapshotCreation'),
  },
  { method: 'GET', pattern: '/version', action: 'version', handle: () => ok(version) },
  { method: 'GET', pattern: '/stats', action: 'stats.get', handle: stats },
  {
    method: 'GET',
    pattern: '/indexes/:index/stats',
    action: 'stats.get',
    handle: (call) => ok(statsOf(findIndex(call), call)),
  },
];
