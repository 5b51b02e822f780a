import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { AppError } from '#common/errors/app-error.js';
import { isSocketFolder, type PgConnection } from './connection.js';

/** Files that both the driver and libpq's programs read; libpq's own default places count as well. */
export interface TlsFiles {
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly crl: string | undefined;
}

/** Where distributions keep the authorities that the whole system trusts. */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Resolved once for both ways: a libpq older than 16 knows no `system`, and Node would take the authorities that it was built with.
 * Throws: postgres.tls when the system keeps none where they are looked for.
 */
export function findTlsFiles(connection: PgConnection): TlsFiles {
  const inHome = (name: string): string | undefined => {
    const file = join(homedir(), '.postgresql', name);
    return existsSync(file) ? file : undefined;
  };
  const cert = connection.sslCert ?? inHome('postgresql.crt');
  return {
    rootCert: connection.sslRootCert === 'system' ? findSystemRoots() : (connection.sslRootCert ?? inHome('root.crt')),
    cert,
    key: cert === undefined ? undefined : (connection.sslKey ?? inHome('postgresql.key')),
    crl: connection.sslCrl ?? inHome('root.crl'),
  };
}

function findSystemRoots(): string {
  // biome-ignore lint/style/noProcessEnv: OpenSSL's own variable, which libpq's programs would read.
  const found = [process.env['SSL_CERT_FILE'] ?? '', ...SYSTEM_ROOTS].find((file) => file !== '' && existsSync(file));
  if (found !== undefined) return found;
  throw new AppError(
    'postgres.tls',
    'this system has no list of trusted authorities for sslrootcert=system',
    {},
    {
      hint: 'Install the package ca-certificates, set SSL_CERT_FILE, or name a file with sslrootcert.',
    },
  );
}

/**
 * libpq's sslmode as options of Node's TLS; undefined for no TLS, as always over a Unix socket. `prefer` is TLS here: the caller
 * falls back. Throws: postgres.tls when a file is missing, cannot be read, or is a key that libpq would refuse.
 * Source: PostgreSQL "SSL Support"; like libpq, `require` with a root certificate verifies it.
 */
export function toTlsOptions(connection: PgConnection): ConnectionOptions | undefined {
  const { sslMode, host } = connection;
  if (sslMode === 'disable' || isSocketFolder(host)) return undefined;
  const files = findTlsFiles(connection);
  return { ...toTrust(connection, files), ...toOwnCertificate(files), ...toVersions(connection) };
}

function toTrust({ sslMode, host }: PgConnection, { rootCert, crl }: TlsFiles): ConnectionOptions {
  const isVerified = sslMode === 'verify-ca' || sslMode === 'verify-full';
  if (!isVerified && (sslMode !== 'require' || rootCert === undefined)) return { rejectUnauthorized: false };
  if (rootCert === undefined)
    throw new AppError('postgres.tls', `sslmode=${sslMode} needs sslrootcert, the file of the authority to trust`);
  return {
    ca: read('sslrootcert', rootCert),
    ...(crl === undefined ? {} : { crl: read('sslcrl', crl) }),
    // By the name in the url: Node would compare an address with nothing at all.
    checkServerIdentity: (_name, cert) => (sslMode === 'verify-full' ? checkServerIdentity(host, cert) : undefined),
  };
}

function toOwnCertificate({ cert, key }: TlsFiles): ConnectionOptions {
  if (cert === undefined) return {};
  if (key === undefined) throw new AppError('postgres.tls', `sslcert ${cert} needs sslkey, the file of its key`);
  const { mode, uid } = statSync(key, { throwIfNoEntry: false }) ?? { mode: 0, uid: 0 };
  if ((mode & (uid === 0 ? 0o027 : 0o077)) !== 0)
    throw new AppError(
      'postgres.tls',
      `others may read sslkey ${key}, so pg_dump would refuse it`,
      {},
      {
        hint: `Run \`chmod 600 ${key}\`.`,
      },
    );
  return { cert: read('sslcert', cert), key: read('sslkey', key) };
}

const toVersions = ({ tlsMinVersion, tlsMaxVersion }: PgConnection): ConnectionOptions => ({
  // libpq's own lowest.
  minVersion: tlsMinVersion ?? 'TLSv1.2',
  ...(tlsMaxVersion === undefined ? {} : { maxVersion: tlsMaxVersion }),
});

function read(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('postgres.tls', `cannot read ${parameter} ${file}`, { [parameter]: file }, { cause });
  }
}
