import { readFileSync } from 'node:fs';
import { AppError } from '#common/errors/app-error.js';
import { isPgUrl, pgPasswordsIn } from '#common/pg/url.js';
import { isSecretName } from '#common/telemetry/redaction.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Resolved {
  readonly value: unknown;
  /** What came from a reference, or stands where a secret does: the logger redacts them wherever they turn up. */
  readonly secrets: readonly string[];
}

const REFERENCE = /\$\{(env|file):([^}]+)\}/g;

/**
 * Replaces `${env:NAME}` and `${file:/path}` in every string of a parsed document, and collects what they stood for; also
 * secrets that were written out instead, told by their names or as passwords in URLs. A file's trailing newline is dropped.
 * Throws: config.invalid with all unresolvable references and their paths.
 */
export function resolveReferences(document: unknown, env: Environment): Resolved {
  const secrets = new Set<string>();
  if (env.PGPASSWORD) secrets.add(env.PGPASSWORD);
  const problems: string[] = [];

  const lookUp = (kind: string, name: string, path: string): string => {
    try {
      const value = kind === 'env' ? env[name] : readFileSync(name, 'utf8').replace(/\r?\n$/, '');
      if (value === undefined || value === '') throw new Error(kind === 'env' ? 'is not set' : 'is empty');
      // A file of several lines, an identity of age among them, may also turn up line by line.
      for (const secret of [value, ...value.split('\n').filter((line) => line.length >= 20)]) secrets.add(secret);
      return value;
    } catch (error) {
      problems.push(`${path}: \${${kind}:${name}} ${error instanceof Error ? error.message : 'cannot be read'}`);
      return '';
    }
  };

  const resolve = (text: string, path: string): string => {
    const resolved = text.replace(REFERENCE, (_, kind: string, name: string) => lookUp(kind, name, path));
    if (isSecretName(path.slice(path.lastIndexOf('.') + 1))) secrets.add(resolved);
    for (const password of passwordsIn(resolved)) secrets.add(password);
    return resolved;
  };

  const walk = (node: unknown, path: string): unknown => {
    if (typeof node === 'string') return resolve(node, path);
    if (Array.isArray(node)) return node.map((item, index) => walk(item, `${path}[${index}]`));
    if (node === null || typeof node !== 'object') return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, walk(value, path === '' ? key : `${path}.${key}`)]),
    );
  };

  const value = walk(document, '');
  if (problems.length > 0) throw new AppError('config.invalid', problems.join('; '), { problems });
  return { value, secrets: [...secrets] };
}

/** A URL hides a password that may turn up alone. The schema of its option judges the URL, and names the path. */
function passwordsIn(text: string): string[] {
  const written = isPgUrl(text) ? pgPasswordsIn(text) : URL.canParse(text) ? [new URL(text).password] : [];
  return written.filter((password) => password !== '').flatMap((password) => [password, unescapeIfPossible(password)]);
}

function unescapeIfPossible(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
