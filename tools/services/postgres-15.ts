import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#tools/process/run-child.js';
import { ensureCommand } from './debian.js';
import { endpoints } from './endpoints.js';
import { exists } from './files.js';
import { findServiceUser } from './home.js';
import { isClusterAnswering, startCluster, stopCluster } from './postgres-cluster.js';
import type { Service } from './service.js';
import { versions } from './versions.js';

const { port, binDir } = endpoints.postgres15;

/** The second major version, from the distribution; it also speaks TLS, which the wheel of 18 is built without. */
export const postgres15: Service = {
  name: 'postgres-15',
  version: versions.postgres15,
  port,
  isOptional: true,
  ensureInstalled: async () => {
    await ensureCommand(join(binDir, 'postgres'), 'postgresql-15');
    await ensureCommand('openssl', 'openssl');
  },
  start: () =>
    startCluster(
      {
        name: 'postgres-15',
        binDir,
        port,
        initdbArgs: ['--locale=C.UTF-8'],
        // It is its own authority, also for the certificates of clients.
        settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'server.crt' },
      },
      ensureCertificate,
    ),
  isAnswering: () => isClusterAnswering(port),
  stop: () => stopCluster('postgres-15'),
};

/** A certificate of its own for the loopback names; PostgreSQL refuses a key that others may read. */
async function ensureCertificate(folder: string): Promise<void> {
  const [key, certificate] = [join(folder, 'server.key'), join(folder, 'server.crt')];
  if (await exists(certificate)) return;
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];
  await runCommand('openssl', ['req', ...form, ...subject, '-keyout', key, '-out', certificate]);
  await runCommand('chmod', ['600', key]);
  const owner = await findServiceUser();
  if (owner) for (const file of [key, certificate]) await chown(file, owner.uid, owner.gid);
}
