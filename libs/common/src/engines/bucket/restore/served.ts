import { ObjectHeaders } from '#common/engines/bucket/entry.js';
import type { ObjectHeaders as ServerHeaders } from '#common/repository/s3/upload.js';

/** Whether two objects are served alike; tags are looked at apart. */
export const isServedAlike = (entry: ObjectHeaders, found: ObjectHeaders): boolean => {
  const [before, now] = [ObjectHeaders.parse(entry), ObjectHeaders.parse(found)];
  return (
    isEqual({ ...before, metadata: undefined }, { ...now, metadata: undefined }) &&
    isEqual(before.metadata ?? {}, now.metadata ?? {})
  );
};

export function isEqual(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => a[name] === b[name]);
}

/** As a server takes them beside a new object. */
export function toServerHeaders(
  entry: ObjectHeaders,
  tags: Readonly<Record<string, string>> | undefined,
): ServerHeaders {
  const expires = entry.expires === undefined ? undefined : new Date(entry.expires);
  const tagging = new URLSearchParams(tags).toString().replaceAll('+', '%20');
  return {
    ContentType: entry.contentType,
    ContentEncoding: entry.contentEncoding,
    ContentDisposition: entry.contentDisposition,
    ContentLanguage: entry.contentLanguage,
    CacheControl: entry.cacheControl,
    Expires: expires !== undefined && Number.isNaN(expires.getTime()) ? undefined : expires,
    WebsiteRedirectLocation: entry.redirect,
    Metadata: entry.metadata,
    ...(tagging === '' ? {} : { Tagging: tagging }),
  };
}
