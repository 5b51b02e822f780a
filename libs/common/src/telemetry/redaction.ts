export const REDACTED = '[redacted]';

/** Takes known secrets, and what looks like one by its name or by its place in a URL, out of what leaves the process. */
export interface Redactor {
  text(text: string): string;
  /** The same JSON value without secrets, at any depth. */
  value<T>(value: T): T;
  /** Whether a known secret occurs: what must not be stored or published is scanned with this. */
  hasSecret(text: string): boolean;
}

/** Names whose values are never shown, whatever they hold. */
const SECRET_NAME =
  /^(pass(word|wd|phrase)?|secret(access)?(key)?|token|access_?token|refresh_?token|api_?key|master_?key|private_?key|identity|authorization|cookie|set-cookie|pgpassword)$/i;
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*:)[^\s/@"']+@/gi;
/** Shorter secrets occur by chance in any text: they are taken out only where they are the whole value. */
const MIN_LENGTH_WITHIN = 4;

export function createRedactor(secrets: readonly string[]): Redactor {
  const known = new Set(secrets.filter((secret) => secret !== ''));
  const pattern = toPattern([...known].filter((secret) => secret.length >= MIN_LENGTH_WITHIN));
  const text = (source: string): string => {
    if (known.has(source)) return REDACTED;
    const withoutKnown = pattern === undefined ? source : source.replace(pattern, REDACTED);
    return withoutKnown.replace(URL_PASSWORD, `$1${REDACTED}@`);
  };
  const value = (source: unknown): unknown => {
    if (typeof source === 'string') return text(source);
    if (Array.isArray(source)) return source.map(value);
    if (source === null || typeof source !== 'object') return source;
    const entries = Object.entries(source).map(([name, part]) => [
      name,
      isSecretName(name) && part !== null && part !== undefined ? REDACTED : value(part),
    ]);
    return Object.fromEntries(entries);
  };
  return {
    text,
    value: <T>(source: T) => value(source) as T,
    hasSecret: (source) => known.has(source) || (pattern !== undefined && source.search(pattern) >= 0),
  };
}

/** A secret also travels as part of a URL, of JSON inside a string, or in base64: each form is as good as the secret. */
function toPattern(secrets: readonly string[]): RegExp | undefined {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]);
  const longestFirst = [...new Set(forms)].sort((left, right) => right.length - left.length);
  if (longestFirst.length === 0) return undefined;
  return new RegExp(longestFirst.map((form) => escapePattern(form)).join('|'), 'g');
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
