import { createHash } from 'node:crypto';
import type { AttemptIdentity } from '#common/engines/engine.js';
import type { IndexView, MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';

/** What an attempt at a restore makes beside its destination. */
export interface OwnIndex extends AttemptIdentity {
  readonly uid: string;
  readonly isLock: boolean;
}

/** A fresh index that is filled, and after the swap what it replaced. */
export const toFreshName = ({ runId, attempt }: AttemptIdentity, number: number): string =>
  `holdfast-restore-${runId}-a${attempt}-${number}`;

export const toLockName = (destination: string): string =>
  `holdfast-lock-${createHash('sha256').update(destination).digest('hex').slice(0, 32)}`;

/** A lock says whose it is by its primary key: it is made and named in one step, and every listing shows it. */
export const toHolder = ({ runId, attempt }: AttemptIdentity): string => `run_${runId}_a${attempt}`;

export function parseOwnIndex({ uid, primaryKey }: IndexView): OwnIndex | undefined {
  const isLock = uid.startsWith('holdfast-lock-');
  const [, runId, attempt] = isLock
    ? (/^run_(.+)_a(\d+)$/.exec(primaryKey ?? '') ?? [])
    : (/^holdfast-restore-(.+)-a(\d+)-\d+$/.exec(uid) ?? []);
  return runId === undefined ? undefined : { uid, runId, attempt: Number(attempt), isLock };
}

export const listOwnIndexes = async (client: MeilisearchClient): Promise<OwnIndex[]> =>
  (await client.listIndexes()).flatMap((view) => parseOwnIndex(view) ?? []);

/** Returns those that went. A swap that an attempt asks for afterwards fails, for it names an index that is not there. */
export async function removeOwnIndexes(
  client: MeilisearchClient,
  isMeant: (own: OwnIndex) => boolean,
): Promise<readonly OwnIndex[]> {
  const meant = (await listOwnIndexes(client)).filter(isMeant);
  for (const { uid } of meant) await client.removeIndex(uid);
  return meant;
}

/** What this attempt and those before it made and did not put in its place. */
export const removeFresh = (
  client: MeilisearchClient,
  { runId, attempt }: AttemptIdentity,
): Promise<readonly OwnIndex[]> =>
  removeOwnIndexes(client, (own) => !own.isLock && own.runId === runId && own.attempt <= attempt);
