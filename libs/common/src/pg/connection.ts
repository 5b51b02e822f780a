import { AppError } from '#common/errors/app-error.js';

/** How to reach one PostgreSQL server. Passwords stay in here: they reach children by a pass file or environment only. */
export interface PgConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** libpq's sslmode. */
  readonly sslMode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  readonly sslRootCert: string | undefined;
}

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** Throws: config.invalid; the message never repeats the URL, for it may hold a password. */
export function parsePgUrl(text: string): PgConnection {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol) || url.hostname === '') {
    throw new AppError('config.invalid', 'a PostgreSQL url must look like postgres://user:password@host:5432/database');
  }
  const mode = url.searchParams.get('sslmode') ?? 'prefer';
  const sslMode = SSL_MODES.find((known) => known === mode);
  if (sslMode === undefined)
    throw new AppError('config.invalid', `sslmode "${mode}" is not one of ${SSL_MODES.join(', ')}`);
  const user = unescapePart(url.username) || 'postgres';
  return {
    host: unescapePart(url.hostname).replace(/^\[|\]$/g, ''),
    port: Number(url.port || 5432),
    user,
    password: url.password === '' ? undefined : unescapePart(url.password),
    database: unescapePart(url.pathname.slice(1)) || user,
    sslMode,
    sslRootCert: url.searchParams.get('sslrootcert') ?? undefined,
  };
}

function unescapePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    const hint =
      'Write a percent sign in the user, password or database of a url as %25, and other special characters alike.';
    throw new AppError('config.invalid', 'a PostgreSQL url has a % that is no escape', {}, { hint });
  }
}

export const withDatabase = (connection: PgConnection, database: string): PgConnection => ({ ...connection, database });

/** For logs and errors: everything but the password. */
export const toPgLabel = ({ user, host, port, database }: PgConnection): string =>
  `${user}@${host}:${port}/${database}`;
