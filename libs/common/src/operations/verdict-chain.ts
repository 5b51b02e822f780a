import { createHash, type KeyObject } from 'node:crypto';
import { VerdictDocument, type VerdictLink } from '#common/contracts/verdict-document.js';
import type { Evidence, Verdict } from '#common/domain/verdict.js';
import type { BackupRepository, ObjectKey, ReadOptions } from '#common/repository/backup-repository.js';
import { isVerdictKey, verdictSignatureKey, verdictsPrefix } from '#common/repository/layout.js';
import { findObject, parseJson } from '#common/repository/read-object.js';
import { isSignedBy } from '#common/sealing/signature.js';

/** One verdict as it lies beside its backup. */
export interface StoredVerdict {
  readonly key: ObjectKey;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array | undefined;
}

interface BackupOf {
  readonly dataset: string;
  readonly backupId: string;
}

/** Those of one backup, or the newest `last` of them, oldest first; their signatures only where they are asked for. Throws: repository.*. */
export async function readStoredVerdicts(
  repository: BackupRepository,
  { dataset, backupId }: BackupOf,
  o: ReadOptions & { readonly last?: number; readonly withSignatures?: boolean },
): Promise<StoredVerdict[]> {
  const keys: ObjectKey[] = [];
  for await (const { key } of repository.list(verdictsPrefix(dataset, backupId), o)) keys.push(key);
  const chosen = keys
    .filter(isVerdictKey)
    .sort()
    .slice(-(o.last ?? keys.length));
  const signed = new Set(o.withSignatures ? keys : []);
  const found: StoredVerdict[] = [];
  for (const key of chosen) {
    const bytes = await findObject(repository, key, o);
    const signatureKey = verdictSignatureKey(key);
    const signature = signed.has(signatureKey) ? await findObject(repository, signatureKey, o) : undefined;
    if (bytes !== undefined) found.push({ key, bytes, signature });
  }
  return found;
}

/** What a new verdict names as before it: those that no other one names. More than one where two were written at once. */
export function findEnds(verdicts: readonly StoredVerdict[]): VerdictLink[] {
  const named = new Set(verdicts.flatMap(({ bytes }) => parse(bytes)?.previous ?? []).map(({ key }) => key));
  return verdicts.filter(({ key }) => !named.has(key)).map(toLink);
}

const toLink = ({ key, bytes }: StoredVerdict): VerdictLink => ({ key, sha256: digest(bytes) });

export interface CheckedVerdict {
  readonly key: ObjectKey;
  readonly verdict: Verdict | null;
  readonly signature: 'right' | 'wrong' | 'missing' | 'not checked';
  /** Does it name those before it? Verdicts of earlier versions do not. */
  readonly isChained: boolean;
}

export interface CheckedChain {
  readonly verdicts: readonly CheckedVerdict[];
  readonly problems: readonly Evidence[];
  /** The newest, which no other verdict names: that one of these was removed shows only where something else knows of it. */
  readonly ends: readonly VerdictLink[];
}

/**
 * Whether verdicts are as they were written, none is gone from between them and, with a key, each was signed by its owner. Needs nothing but them:
 * no catalog, no bus, no clock.
 */
export function checkChain(verdicts: readonly StoredVerdict[], publicKey: KeyObject | undefined): CheckedChain {
  const known = new Map(verdicts.map((each) => [each.key, digest(each.bytes)]));
  const problems: Evidence[] = [];
  const checked: CheckedVerdict[] = [];
  let isBegun = false;
  for (const stored of verdicts) {
    const { key } = stored;
    const document = parse(stored.bytes);
    const signature = checkSignature(stored, publicKey);
    if (document === undefined) problems.push({ subject: key, problem: 'is no verdict that can be read' });
    if (signature === 'missing') problems.push({ subject: key, problem: 'is not signed' });
    if (signature === 'wrong')
      problems.push({ subject: key, problem: 'was changed after it was signed, or is signed with another key' });
    const links = document?.previous;
    if (document !== undefined && links === undefined && isBegun)
      problems.push({ subject: key, problem: 'names no verdict before it, and older ones do' });
    isBegun ||= links !== undefined;
    problems.push(...checkLinks(key, links ?? [], known));
    checked.push({ key, verdict: document?.verdict ?? null, signature, isChained: links !== undefined });
  }
  return { verdicts: checked, problems, ends: findEnds(verdicts) };
}

const checkLinks = (key: ObjectKey, links: readonly VerdictLink[], known: ReadonlyMap<ObjectKey, string>): Evidence[] =>
  links.flatMap((link): Evidence[] => {
    const actual = known.get(link.key);
    if (actual === link.sha256) return [];
    return actual === undefined
      ? [{ subject: link.key, problem: `is missing: ${key} names it` }]
      : [{ subject: link.key, expected: link.sha256, actual, problem: `was changed after ${key} had named it` }];
  });

function checkSignature(
  { bytes, signature }: StoredVerdict,
  publicKey: KeyObject | undefined,
): CheckedVerdict['signature'] {
  if (publicKey === undefined) return 'not checked';
  if (signature === undefined) return 'missing';
  return isSignedBy(bytes, signature, publicKey) ? 'right' : 'wrong';
}

const parse = (bytes: Uint8Array): VerdictDocument | undefined => parseJson(bytes, VerdictDocument);

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
