import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import type { Findings } from '#common/engines/findings.js';
import type { DocumentsFacts } from '#common/engines/meilisearch/documents-facts.js';
import { type IndexView, MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { DocumentsManifest, MeilisearchTarget } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { assertEqual, fillIndex } from './fill-index.js';
import { listOwnIndexes, removeFresh, removeOwnIndexes, toFreshName } from './own-indexes.js';
import { RestoreFence } from './restore-fence.js';
import {
  type DocumentsPlan,
  describePlan,
  type Order,
  type PlannedIndex,
  planRestore,
  type Question,
  toVersionText,
} from './restore-plan.js';

type Work = RestoreWork<DocumentsPlan, RestoreFence>;

const CLEAN_UP_MS = 120_000;

interface Filled {
  readonly planned: PlannedIndex;
  readonly made: IndexView;
}

/** Fills fresh indexes, holds them against the backup, and puts all of them in their places by one swap. */
export class DocumentsDriver implements RestoreDriver<MeilisearchTarget, DocumentsFacts, DocumentsPlan, RestoreFence> {
  readonly method = 'documents';
  readonly strategies = ['new', 'replace'];
  readonly findings = {
    createdIndexes: 'indexes made',
    replacedIndexes: 'indexes replaced',
    otherVersion: 'the server is of another version than that of the backup',
    lackingSecrets: 'secrets of embedders to be set by hand',
    missingKeys: 'API keys of the backup that the server does not have',
    missingWebhooks: 'webhooks of the backup that the server does not have',
  };
  readonly describe = describePlan;

  /** Throws: meilisearch.*. */
  plan(question: Question, signal: AbortSignal): Promise<DocumentsPlan> {
    return planRestore(new MeilisearchClient(question.target.connection, signal), question);
  }

  fence({ target, destination, identity }: Order, o: FenceOptions): Promise<RestoreFence> {
    return RestoreFence.open(target.connection, destination, { ...o, identity });
  }

  /** A swap takes an index to its place with the instant of its creation. */
  async isDone({ target, identity }: Order, _fence: RestoreFence, doneMark: string): Promise<boolean> {
    const client = new MeilisearchClient(target.connection, AbortSignal.timeout(CLEAN_UP_MS));
    const found = new Map((await client.listIndexes()).map(({ uid, createdAt }) => [uid, createdAt]));
    const made = Object.entries(JSON.parse(doneMark) as Record<string, string>);
    if (!made.every(([uid, createdAt]) => found.get(uid) === createdAt)) return false;
    await removeFresh(client, identity);
    return true;
  }

  async discard({ target }: RestoredBy<MeilisearchTarget>, mark: string | null, signal: AbortSignal): Promise<void> {
    const client = new MeilisearchClient(target.connection, signal);
    const made = JSON.parse(mark ?? '{}') as Record<string, string>;
    for (const { uid, createdAt } of await client.listIndexes())
      if (Object.hasOwn(made, uid) && made[uid] === createdAt) await client.removeIndex(uid);
  }

  /** Throws: backup.corrupt, claim.lost, meilisearch.*; the abort reason. */
  async apply(order: Order, work: Work, signal: AbortSignal): Promise<void> {
    const { target, identity } = order;
    const { plan, remember } = work;
    const client = new MeilisearchClient(target.connection, signal);
    const cleaner = (): MeilisearchClient => new MeilisearchClient(target.connection, AbortSignal.timeout(CLEAN_UP_MS));
    await removeFresh(client, identity);
    try {
      if (plan.exists) await work.material.safety();
      const filled = await fillAll(client, order, work);
      signal.throwIfAborted();
      await remember({ findings: toFindings(plan), doneMark: toDoneMark(filled) });
      if (!(await work.fence.isHeld(client)))
        throw new AppError('claim.lost', `another restore to ${order.destination} has taken over`);
      await client.done(
        client.swap(
          filled.map(({ planned: { uid, createdAt }, made }) => ({
            ...{ indexes: [made.uid, uid], rename: createdAt === null },
          })),
        ),
      );
    } catch (error) {
      // What is left, the next attempt or a sweep removes.
      await removeFresh(cleaner(), identity).catch(() => undefined);
      signal.throwIfAborted();
      throw error;
    }
    await removeFresh(cleaner(), identity);
  }

  remarks({ snapshot }: DocumentsManifest): Findings {
    return { missingKeys: snapshot.keys === null ? ['the backup could not list them'] : [] };
  }

  async end(
    { connection }: MeilisearchTarget,
    { runId, attempt }: AttemptIdentity,
    signal: AbortSignal,
  ): Promise<void> {
    const client = new MeilisearchClient(connection, signal);
    await removeOwnIndexes(client, (own) => own.runId === runId && own.attempt <= attempt);
  }

  async sweep({ connection }: MeilisearchTarget, stateOf: StateOf, signal: AbortSignal): Promise<Swept> {
    const client = new MeilisearchClient(connection, signal);
    const ended = new Set<string>();
    const removed: string[] = [];
    const failed: { readonly what: string; readonly error: AppError }[] = [];
    for (const { uid, runId, isLock } of await listOwnIndexes(client)) {
      if ((await stateOf(runId)) !== 'over') continue;
      try {
        await client.removeIndex(uid);
        if (isLock) ended.add(runId);
        else removed.push(uid);
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ what: uid, error: toAppError(error) });
      }
    }
    return { ended: [...ended], removed, failed };
  }
}

async function fillAll(
  client: MeilisearchClient,
  { target, identity }: Order,
  { plan, material, onProgress }: Work,
): Promise<Filled[]> {
  const filled: Filled[] = [];
  const totalBytes = plan.indexes.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  let bytes = 0;
  for (const [number, planned] of plan.indexes.entries()) {
    const { source } = planned;
    onProgress({ stage: 'documents', bytes, totalBytes });
    const made = await fillIndex(client, {
      open: () => material.open(source.object),
      ...{ source, uid: toFreshName(identity, number), secrets: target.embedderSecrets[source.name] ?? {} },
      onBytes: (more) => {
        bytes += more;
        onProgress({ stage: 'documents', bytes, totalBytes });
      },
    });
    onProgress({ stage: 'compare', bytes, totalBytes });
    await assertEqual(client, made, source);
    filled.push({ planned, made });
  }
  return filled;
}

const toDoneMark = (filled: readonly Filled[]): string =>
  JSON.stringify(Object.fromEntries(filled.map(({ planned, made }) => [planned.uid, made.createdAt])));

const toFindings = ({ indexes, versions, lackingSecrets, missingKeys, missingWebhooks }: DocumentsPlan): Findings => ({
  createdIndexes: indexes.filter(({ createdAt }) => createdAt === null).map(({ uid }) => uid),
  replacedIndexes: indexes.filter(({ createdAt }) => createdAt !== null).map(({ uid }) => uid),
  otherVersion: versions.backup === versions.server ? [] : [toVersionText(versions)],
  ...{ lackingSecrets, missingKeys, missingWebhooks },
});
