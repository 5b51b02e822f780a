import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { AppError } from '#common/errors/app-error.js';
import type { PgConnection } from './connection.js';

/**
 * libpq's sslmode as options of Node's TLS; undefined for no TLS. `prefer` is TLS here: the caller falls back.
 * Throws: postgres.tls when the root certificate is needed and cannot be read.
 * Source: PostgreSQL "SSL Support"; like libpq, `require` with a root certificate verifies it.
 */
export async function toTlsOptions(connection: PgConnection): Promise<ConnectionOptions | undefined> {
  const { sslMode, sslRootCert, host } = connection;
  if (sslMode === 'disable') return undefined;
  if (sslMode === 'verify-full') {
    // By the name in the url: Node would compare an address with nothing at all.
    return {
      ca: await readRootCert(connection),
      checkServerIdentity: (_name, cert) => checkServerIdentity(host, cert),
    };
  }
  if (sslMode === 'verify-ca' || (sslMode === 'require' && sslRootCert !== undefined)) {
    return { ca: await readRootCert(connection), checkServerIdentity: () => undefined };
  }
  return { rejectUnauthorized: false };
}

async function readRootCert({ sslMode, sslRootCert }: PgConnection): Promise<string> {
  if (sslRootCert === undefined) {
    throw new AppError('postgres.tls', `sslmode=${sslMode} needs sslrootcert, the file of the authority to trust`);
  }
  try {
    return await readFile(sslRootCert, 'utf8');
  } catch (cause) {
    throw new AppError('postgres.tls', `cannot read sslrootcert ${sslRootCert}`, { sslRootCert }, { cause });
  }
}
