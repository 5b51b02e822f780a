import { statfs } from 'node:fs/promises';
import { BaseFacts } from '#common/contracts/base-facts.js';
import type { OpenManifest } from '#common/contracts/manifest.js';
import { describeTarget, type RecoveryGoal } from '#common/contracts/recovery-target.js';
import { toLsn } from '#common/domain/wal.js';
import type { ArchiveSource, RestorePlan } from '#common/engines/engine.js';
import { AppError } from '#common/errors/app-error.js';
import { decideRecovery, type RecoveryDecision } from './decide-recovery.js';
import { type OpenedArchive, openArchive } from './open-archive.js';

/** A backup, and what is archived after it. */
export interface RecoveryQuestion {
  readonly manifest: OpenManifest;
  readonly archive?: ArchiveSource;
}

export interface Prospect {
  readonly facts: BaseFacts;
  readonly decision: RecoveryDecision;
  readonly opened: OpenedArchive;
}

/** A restore that says no target brings back the backup itself. */
const IMMEDIATE: RecoveryGoal = { target: { kind: 'immediate' }, inclusive: true };

/** How the goal of a restore is reached from this backup. Throws: recovery.outside, wal.conflict, sealing.*; repository.*. */
export async function findProspect({ manifest, archive }: RecoveryQuestion, signal: AbortSignal): Promise<Prospect> {
  if (archive === undefined) throw new AppError('internal.bug', 'a restore of a base backup has no archive');
  const { backupId, dataset } = manifest;
  const facts = BaseFacts.parse(manifest.snapshot);
  const { repository, keyring, goal = IMMEDIATE } = archive;
  const opened = await openArchive(dataset, facts, { repository, keyring, signal });
  const decision = decideRecovery({ ...opened, bases: [{ backupId, facts }] }, goal, { backupId });
  return { facts, decision, opened };
}

/** What a recovery would do, as far as the backup and the archive tell. */
export interface RecoveryPlan extends RestorePlan {
  readonly goal: RecoveryGoal;
  readonly baseTakenAt: string;
  readonly serverVersion: string;
  /** Ids of the backups that it builds on, the full one first. */
  readonly chain: readonly string[];
  /** null: the goal cannot be reached. */
  readonly replay: {
    readonly timeline: number;
    readonly segments: number;
    readonly archivedUntil: string;
    /** Of the unpacked cluster, of the WAL that is replayed, and of the copies that the cluster is put together from. */
    readonly neededBytes: number;
  } | null;
}

export type RecoveryOutlook = Omit<RecoveryPlan, keyof RestorePlan>;

/** The outlook, and why there is none. Throws: what is no refusal: repository.*, sealing.*, backup.corrupt. */
export async function lookAhead(
  question: RecoveryQuestion,
  signal: AbortSignal,
): Promise<{ readonly outlook: RecoveryOutlook; readonly problems: readonly AppError[] }> {
  const { takenAt: baseTakenAt, serverVersion, chain: links } = BaseFacts.parse(question.manifest.snapshot);
  const chain = links.map(({ backupId }) => backupId);
  const head = { goal: question.archive?.goal ?? IMMEDIATE, baseTakenAt, serverVersion, chain };
  try {
    const { decision, facts } = await findProspect(question, signal);
    const { reach, timeline } = decision;
    const segments = reach.files.length;
    const neededBytes = toNeededBytes(facts, segments);
    const replay = { timeline, segments, archivedUntil: toLsn(reach.end), neededBytes };
    return { outlook: { ...head, replay }, problems: [] };
  } catch (error) {
    if (!(error instanceof AppError) || !error.code.startsWith('recovery.')) throw error;
    return { outlook: { ...head, replay: null }, problems: [error] };
  }
}

/** Copies that build on each other lie beside the cluster until it is put together. */
export function toNeededBytes({ databases, segmentBytes, chain, unpackedBytes }: BaseFacts, segments: number): number {
  const clusterBytes = databases.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const partsBytes = chain.length === 0 ? 0 : chain.reduce((sum, part) => sum + part.unpackedBytes, unpackedBytes);
  return clusterBytes + partsBytes + segments * segmentBytes;
}

/** Half of it and more would only be found out after hours. */
export async function findLackOfSpace(directory: string, { replay }: RecoveryOutlook): Promise<AppError[]> {
  const found = await statfs(directory).catch(() => undefined);
  if (found === undefined || replay === null || found.bavail * found.bsize >= replay.neededBytes) return [];
  const message = `${directory} has ${found.bavail * found.bsize} bytes free, and the recovered cluster takes ${replay.neededBytes}`;
  return [new AppError('recovery.space', message, { directory })];
}

/** For people. */
export const describeOutlook = ({ goal, replay, ...base }: RecoveryOutlook): Record<string, string> => ({
  recovery: describeTarget(goal),
  'base backup': `of ${base.baseTakenAt}, PostgreSQL ${base.serverVersion}`,
  ...(base.chain.length === 0 ? {} : { 'builds on': base.chain.join(', ') }),
  ...(replay === null
    ? {}
    : {
        timeline: String(replay.timeline),
        WAL: `${replay.segments} segments, up to ${replay.archivedUntil}`,
        space: `${replay.neededBytes} bytes`,
      }),
});
