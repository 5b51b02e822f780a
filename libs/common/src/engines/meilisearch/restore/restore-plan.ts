import type { RestoreOrder, RestorePlan, RestoreQuestion } from '#common/engines/engine.js';
import type { DocumentsFacts, IndexFacts } from '#common/engines/meilisearch/documents-facts.js';
import { findLacking } from '#common/engines/meilisearch/embedder-secrets.js';
import type { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchTarget } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toPrefix } from './destination.js';

export type Order = RestoreOrder<MeilisearchTarget, DocumentsFacts>;
export type Question = RestoreQuestion<MeilisearchTarget, DocumentsFacts>;

/** The first that can rename an index within a swap. */
const OLDEST = [1, 18] as const;

export interface PlannedIndex {
  readonly source: IndexFacts;
  readonly uid: string;
  /** null: there is none. */
  readonly createdAt: string | null;
}

export interface DocumentsPlan extends RestorePlan {
  readonly indexes: readonly PlannedIndex[];
  readonly versions: { readonly backup: string; readonly server: string };
  /** Of embedders, as `index: embedder.member`. */
  readonly lackingSecrets: readonly string[];
  /** Of the backup, which the server does not have. */
  readonly missingKeys: readonly string[];
  readonly missingWebhooks: readonly string[];
}

/** Throws: meilisearch.*. */
export async function planRestore(
  client: MeilisearchClient,
  { manifest, target, destination, strategy }: Pick<Question, 'manifest' | 'target' | 'destination' | 'strategy'>,
): Promise<DocumentsPlan> {
  const { snapshot } = manifest;
  const server = await client.version();
  const present = new Map((await client.listIndexes()).map((view) => [view.uid, view]));
  const indexes = snapshot.indexes.map((source): PlannedIndex => {
    const uid = toPrefix(destination) + source.name;
    return { source, uid, createdAt: present.get(uid)?.createdAt ?? null };
  });
  const there = indexes.filter(({ createdAt }) => createdAt !== null).map(({ uid }) => uid);
  const refusals = [
    ...(isOlder(server) ? [tooOld(client.place, server)] : []),
    ...(strategy === 'new' && there.length > 0
      ? [new AppError('meilisearch.index-exists', `index ${there.join(', ')} exists already`, { indexes: there })]
      : []),
  ];
  return {
    ...{ target: target.name, destination, strategy, indexes, exists: there.length > 0 },
    versions: { backup: snapshot.version, server },
    lackingSecrets: lackingSecrets(snapshot, target),
    missingKeys: await findMissing(
      client,
      'keys',
      snapshot.keys?.map(({ uid, name }) => ({ id: uid, name })),
    ),
    missingWebhooks: await findMissing(
      client,
      'webhooks',
      snapshot.webhooks?.map(({ uuid, origin }) => ({ id: uuid, name: origin })),
    ),
    refusals: refusals.map(toProblem),
  };
}

/** For people. */
export const describePlan = (plan: DocumentsPlan): Record<string, string | string[]> => ({
  'indexes to be made': plan.indexes.filter(({ createdAt }) => createdAt === null).map(({ uid }) => uid),
  'indexes to be replaced': plan.indexes.filter(({ createdAt }) => createdAt !== null).map(({ uid }) => uid),
  documents: String(plan.indexes.reduce((sum, { source }) => sum + source.documents, 0)),
  versions: toVersionText(plan.versions),
  'secrets that the target does not give': [...plan.lackingSecrets],
  'API keys that the server does not have': [...plan.missingKeys],
  'webhooks that the server does not have': [...plan.missingWebhooks],
});

export const toVersionText = ({ backup, server }: DocumentsPlan['versions']): string =>
  backup === server ? `${server}, as in the backup` : `${backup} in the backup, ${server} here`;

const lackingSecrets = ({ indexes }: DocumentsFacts, { embedderSecrets }: MeilisearchTarget): string[] =>
  indexes.flatMap(({ name, secrets }) =>
    findLacking(secrets, embedderSecrets[name] ?? {}).map((path) => `${name}: ${path}`),
  );

async function findMissing(
  client: MeilisearchClient,
  path: 'keys' | 'webhooks',
  known: readonly { readonly id: string; readonly name: string | null }[] = [],
): Promise<string[]> {
  if (known.length === 0) return [];
  const listed = (await client.listIfAllowed(path)) ?? [];
  const ids = new Set(listed.flatMap((each) => [each['uid'], each['uuid']]));
  const names = new Set(listed.map((each) => each['name']));
  // Every server makes keys of its own under the same names.
  const isThere = ({ id, name }: (typeof known)[number]) => ids.has(id) || (path === 'keys' && names.has(name));
  return known.filter((each) => !isThere(each)).map(({ id, name }) => name ?? id);
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

const tooOld = (place: string, version: string): AppError =>
  new AppError('meilisearch.version', `${place} is Meilisearch ${version}, and ${OLDEST.join('.')} is the oldest`);
