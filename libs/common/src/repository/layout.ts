import { MAX_KEY_LENGTH } from '#common/domain/repository-url.js';
import { AppError } from '#common/errors/app-error.js';
import type { ObjectKey } from './backup-repository.js';

/** Where everything lies below the repository's prefix. A prefix has no trailing slash. See docs/design/repository-layout.md. */
export const repositoryKey = (): ObjectKey => 'repository.json';

export const datasetPrefix = (dataset: string): string => dataset;

export const backupPrefix = (dataset: string, backupId: string): string => `${dataset}/${backupId}`;

/** Every attempt writes below a prefix of its own: two that overlap cannot touch each other's objects. */
export const attemptPrefix = (dataset: string, backupId: string, attempt: number, nonce: string): string =>
  `${backupPrefix(dataset, backupId)}/a${attempt}-${nonce}`;

export const manifestKey = (attempt: string): ObjectKey => `${attempt}/manifest.json`;

/**
 * Everything that is short-lived or renewed lies below it: holds, marks, markers, probes, what the clock is read from. Nothing there is
 * ever locked for long, and the credential that writes may delete there.
 */
export const CONTROL = '_control';

/** What is said about backups for as long as work on them lasts, at the path of what it is said about. */
const ABOUT_BACKUPS = `${CONTROL}/backups`;

const aboutKey = (key: ObjectKey): ObjectKey => `${ABOUT_BACKUPS}/${key}`;

export const isControlKey = (key: ObjectKey): boolean => key.startsWith(`${CONTROL}/`);

export const datasetControlPrefix = (dataset: string): string => aboutKey(datasetPrefix(dataset));

export const backupControlPrefix = (dataset: string, backupId: string): string =>
  aboutKey(backupPrefix(dataset, backupId));

/** Written by the sweeper before it deletes: a manifest that comes after it makes no backup. */
export const sweptKey = (attempt: string): ObjectKey => aboutKey(`${attempt}/swept`);

/** Content that several backups of a dataset share. */
export const contentPrefix = (dataset: string): string => `${datasetPrefix(dataset)}/content`;

/** `name` begins with the digest, so that keys sort as names do. */
export const contentKey = (dataset: string, name: string): ObjectKey =>
  `${contentPrefix(dataset)}/${name.slice(0, 2)}/${name}`;

/** Says that an attempt writes shared objects or relies on those of a backup. Without it, nothing of the attempt counts. */
export const SHARING_NAME = 'shared.json';

export const sharingKey = (attempt: string): ObjectKey => `${attempt}/${SHARING_NAME}`;

/** Written when all shared objects of a dataset were looked at: its age says when the next look is due. */
export const contentSweptKey = (dataset: string): ObjectKey => `${CONTROL}/content-swept/${dataset}.json`;

export const verdictsPrefix = (dataset: string, backupId: string): string =>
  `${backupPrefix(dataset, backupId)}/verdicts`;

/** `instant` is an ISO 8601 instant in UTC, so that the keys of one backup's verdicts sort by time. */
export const verdictKey = (dataset: string, backupId: string, instant: string, runId: string): ObjectKey =>
  `${verdictsPrefix(dataset, backupId)}/${instant}-${runId}.json`;

/** Beside it: 64 raw bytes of Ed25519 over its bytes. */
export const verdictSignatureKey = (key: ObjectKey): ObjectKey => `${key}.sig`;

const VERDICT = /^[^/]+\/[^/]+\/verdicts\/[^/]+Z-([^/]+)[.]json$/;

export const isVerdictKey = (key: ObjectKey): boolean => VERDICT.test(key);

/** Whose verdict it is. */
export const findVerdictRun = (key: ObjectKey): string | undefined => VERDICT.exec(key)?.[1];

export const holdsPrefix = (dataset: string, backupId: string): string =>
  `${backupControlPrefix(dataset, backupId)}/holds`;

/** One hold on one backup. The holder chooses the name: an operator's word, a run's id. */
export const holdKey = (dataset: string, backupId: string, name: string): ObjectKey =>
  `${holdsPrefix(dataset, backupId)}/${name}.json`;

const HOLD = new RegExp(`^${ABOUT_BACKUPS}/[^/]+/[^/]+/holds/[^/]+[.]json$`);

export const isHoldKey = (key: ObjectKey): boolean => HOLD.test(key);

/** Says that the backup is about to be deleted, and until when a hold can still save it. */
export const expiringKey = (dataset: string, backupId: string): ObjectKey =>
  `${backupControlPrefix(dataset, backupId)}/expiring.json`;

/** An operator wants the backup gone. */
export const deletionKey = (dataset: string, backupId: string): ObjectKey =>
  `${backupControlPrefix(dataset, backupId)}/deletion-asked.json`;

/** An operator looked at a suspicious backup. */
export const acceptanceKey = (dataset: string, backupId: string): ObjectKey =>
  `${backupControlPrefix(dataset, backupId)}/accepted.json`;

export const isDeletionKey = (key: ObjectKey): boolean =>
  key.startsWith(`${ABOUT_BACKUPS}/`) && key.endsWith('/deletion-asked.json');

/** Recovery points: what lies there names backups of several datasets. No dataset has such a name. */
const POINTS = '_points';

export const pointsPrefix = (point?: string): string => (point === undefined ? POINTS : `${POINTS}/${point}`);

/** `instant` is an ISO 8601 instant in UTC, so that the keys of one point sort by time. */
export const pointKey = (point: string, instant: string, pointId: string): ObjectKey =>
  `${pointsPrefix(point)}/${instant}-${pointId}.json`;

/** What tries what the storage can do and whether we may is written there, and removed at once. */
export const PROBES = `${CONTROL}/probes`;

export const probeKey = (nonce: string): ObjectKey => `${PROBES}/${nonce}`;

export const isProbeKey = (key: ObjectKey): boolean => key.startsWith(`${PROBES}/`);

export const clockPrefix = (dataset: string): string => `${CONTROL}/clock/${dataset}`;

/** What was archived of one PostgreSQL cluster, whatever its backups are: segments, timeline histories. */
export const walPrefix = (dataset: string, systemId: string): string => `${datasetPrefix(dataset)}/wal/${systemId}`;

/** Written to read the storage's clock, and removed at once. */
export const clockKey = (dataset: string, nonce: string): ObjectKey => `${clockPrefix(dataset)}/${nonce}`;

/** Sealed for one set of recipients, whose digest names it: opened to learn whether an identity still opens what is written. */
export const canaryKey = (digest: string): ObjectKey => `${CONTROL}/canaries/${digest}.zst.age`;

/** For each identity by which shared content was ever named here, one canary, sealed for its recipient. */
export const INDEX_CANARIES = `${CONTROL}/canaries/index`;

export const indexCanaryKey = (recipient: string): ObjectKey => `${INDEX_CANARIES}/${recipient}.zst.age`;

const ATTEMPT = /^a(\d+)-[A-Za-z0-9_-]+$/;

/** The number of an attempt from the last part of its prefix, `a2-3f9c`; undefined for any other name. */
export function findAttemptNumber(name: string): number | undefined {
  const match = ATTEMPT.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** `shop/0198…/a1-3f9c/swept` of `_control/backups/shop/0198…/a1-3f9c/swept`; other keys are about themselves. */
const aboutWhat = (key: ObjectKey): string =>
  key.startsWith(`${ABOUT_BACKUPS}/`) ? key.slice(ABOUT_BACKUPS.length + 1) : key;

/** Of the backup that an object is part of, or that a mark is about. */
export const findBackupId = (key: ObjectKey): string => aboutWhat(key).split('/')[1] ?? '';

/** The prefix of the attempt that an object belongs to, or that a marker is about; undefined for what lies beside attempts. */
export function findAttemptKey(key: ObjectKey): string | undefined {
  const [dataset = '', backupId = '', name = ''] = aboutWhat(key).split('/');
  return findAttemptNumber(name) === undefined ? undefined : `${backupPrefix(dataset, backupId)}/${name}`;
}

const SEGMENT = /^[A-Za-z0-9_=@+:-][A-Za-z0-9._=@+:-]*$/;

/** Keys are plain ASCII, so that all storage sorts them alike, and never lead out of the prefix. */
export function isObjectKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && key.split('/').every((segment) => SEGMENT.test(segment));
}

/** Throws: request.invalid; a manifest may come from any user who can write to the repository. */
export function parseObjectKey(key: string): ObjectKey {
  if (isObjectKey(key)) return key;
  throw new AppError('request.invalid', `"${key}" cannot be an object key`, { key });
}

/** The common beginning of everything below a folder: `shop` never means `shop2`. Throws: request.invalid. */
export const toListPrefix = (folder: string): string => (folder === '' ? '' : `${parseObjectKey(folder)}/`);
