import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** npm notes what it really installed in node_modules/.package-lock.json; packages for other platforms are not in it. */
export function isInstalled(root, node) {
  const notePath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(notePath) || !existsSync(node)) return false;
  const installed = readJson(notePath).packages;
  return Object.entries(readJson(join(root, 'package-lock.json')).packages).every(([path, wanted]) => {
    if (path === '' || (wanted.optional && !installed[path])) return true;
    return installed[path]?.version === wanted.version;
  });
}

/** Installs unless node_modules holds exactly what package-lock.json lists. Exits when that fails. */
export function installIfStale(root, node, { say, run }) {
  if (isInstalled(root, node)) return;
  const startedAt = Date.now();
  say('installing dependencies');
  // Not `npm ci`: it refuses a lock file that lacks the optional binaries of platforms which a partial registry mirror does
  // not carry. This installs what the lock file says all the same, and does not write to it.
  const { status, stdout, stderr, error } = run('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  if (status !== 0) {
    say(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`);
    process.exit(1);
  }
  if (!existsSync(node)) {
    say('npm installed no Node: the `node` package needs its install script (allowScripts in package.json)');
    process.exit(1);
  }
  say(`installed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}
