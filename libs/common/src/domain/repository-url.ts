import { AppError } from '#common/errors/app-error.js';

/** Where a repository lies, as its storage will see it. */
export type RepositoryPlace =
  | { readonly storage: 'file'; readonly root: string }
  | { readonly storage: 's3'; readonly bucket: string; readonly prefix: string };

/** Of a key below the prefix. Storage of files puts a whole key and a nonce into one file name. */
export const MAX_KEY_LENGTH = 220;
/** What S3 takes for prefix and key. Source: Amazon S3 "Naming Amazon S3 objects". */
const MAX_FULL_KEY_BYTES = 1_024;

/**
 * `s3://bucket/prefix` is read as it is written: nothing in it is an escape, so `%`, blanks and all letters stand for themselves.
 * `file:///absolute/path` is a URL: a `%` in a name is written `%25`. In both, slashes at the ends and repeated ones count
 * as one separator. Throws: config.invalid; `subject` begins its message.
 */
export function parseRepositoryUrl(url: string, subject = 'the url'): RepositoryPlace {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/?#]+)(?:\/(.*))?$/s.exec(url) ?? [];
  if (bucket !== undefined) return { storage: 's3', bucket, prefix: toPrefix(subject, prefix) };
  const [, path] = /^file:\/\/(\/.*)$/s.exec(url) ?? [];
  const segments = path === undefined ? [] : toSegments(subject, path);
  if (segments.length > 0) return { storage: 'file', root: toRoot(subject, segments) };
  throw invalid(subject, 'must look like s3://bucket/prefix or file:///absolute/path');
}

export function isRepositoryUrl(url: string): boolean {
  try {
    parseRepositoryUrl(url);
    return true;
  } catch {
    return false;
  }
}

/** A repository as far as it is about its place. */
export interface PlacedRepository {
  readonly name: string;
  readonly url: string;
  readonly endpoint?: string | undefined;
  /** Whose folders it holds. */
  readonly datasets: readonly string[];
}

/**
 * Which repositories would write over each other: two in one place, or one in a folder that another keeps for a dataset or for
 * itself. Places are compared as their storage sees them; that links or mounts lead from one file root to another is not seen.
 */
export function findCollisions(
  repositories: readonly PlacedRepository[],
): { readonly name: string; readonly with: string }[] {
  const placed = repositories.map((each) => ({ ...each, path: toPath(each) }));
  return placed.flatMap((inner) =>
    placed
      .filter((outer) => outer !== inner && collides(inner, outer, placed.indexOf(inner) > placed.indexOf(outer)))
      .map((outer) => ({ name: inner.name, with: outer.name })),
  );
}

interface Placed extends PlacedRepository {
  /** Storage, bucket or root, prefix: the same for the same place. */
  readonly path: string;
}

function toPath({ url, endpoint = 'https://s3.amazonaws.com' }: PlacedRepository): string {
  const place = parseRepositoryUrl(url);
  if (place.storage === 'file') return `file:${place.root}`;
  return [`s3:${toServerName(new URL(endpoint))}`, place.bucket, place.prefix].filter(Boolean).join('/');
}

/**
 * Amazon has many endpoints, and one bucket of a name behind all of them: of regions, dual-stack, FIPS, VPC. Only its partitions are
 * servers of their own. Source: Amazon S3 "Bucket naming rules".
 */
function toServerName({ host, hostname, pathname }: URL): string {
  if (/[.]amazonaws[.]com[.]cn$/.test(hostname)) return 'aws-cn';
  if (/(^|[.])amazonaws[.]com$/.test(hostname)) return /[.-]us-gov-/.test(hostname) ? 'aws-us-gov' : 'aws';
  return host + pathname.replace(/\/+$/, '');
}

/** Of two repositories in one place the later one collides with the earlier one, not the reverse. */
function collides(inner: Placed, outer: Placed, isLater: boolean): boolean {
  if (inner.path === outer.path) return isLater;
  if (!inner.path.startsWith(`${outer.path}/`)) return false;
  const [folder = ''] = inner.path.slice(outer.path.length + 1).split('/');
  return outer.datasets.includes(folder) || folder.startsWith('_');
}

function toPrefix(subject: string, text: string): string {
  const prefix = toSegments(subject, text).join('/');
  if (Buffer.byteLength(prefix) + 1 + MAX_KEY_LENGTH <= MAX_FULL_KEY_BYTES) return prefix;
  throw invalid(subject, `has a prefix of more than ${MAX_FULL_KEY_BYTES - MAX_KEY_LENGTH - 1} bytes`);
}

/** What URLs, shells or storage would read as something else is refused, and never cut to another place. */
function toSegments(subject: string, text: string): string[] {
  const mark = /[?#]/.exec(text)?.[0];
  if (mark !== undefined) throw invalid(subject, `has a "${mark}", after which a URL says no place any more`);
  if (/\p{Cc}/u.test(text)) throw invalid(subject, 'has a control character');
  const segments = text.split('/').filter((segment) => segment !== '');
  const turn = segments.find((segment) => ['.', '..'].includes(segment));
  if (turn !== undefined) throw invalid(subject, `has "${turn}" as a folder: write the place that it leads to`);
  return segments;
}

function toRoot(subject: string, segments: readonly string[]): string {
  const names = segments.map((segment) => decodeName(subject, segment));
  const turn = names.find((each) => /\/|\p{Cc}/u.test(each) || ['.', '..'].includes(each));
  if (turn === undefined) return `/${names.join('/')}`;
  throw invalid(subject, `has an escape for ${JSON.stringify(turn)}, which is no name of a folder`);
}

function decodeName(subject: string, segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw invalid(subject, 'has a "%" that begins no escape: write %25 for a percent sign', { cause });
  }
}

const invalid = (subject: string, reason: string, o: ErrorOptions = {}): AppError =>
  new AppError('config.invalid', `${subject} ${reason}`, {}, o);
