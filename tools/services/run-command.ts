import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { succeeds } from './files.js';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  timeoutMs?: number;
}

/** Runs a command to its end and returns its stdout. Throws with the last lines of its output when it fails. */
export function runCommand(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeoutMs = 600_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { ...rest, timeout: timeoutMs, maxBuffer: 64 << 20, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const how = error.killed ? `took longer than ${timeoutMs / 1000} s` : `failed (${error.code ?? error.signal})`;
        reject(new Error(`${file} ${args.slice(0, 2).join(' ')} ${how}: ${lastLines(`${stdout}\n${stderr}`, 8)}`));
      },
    );
  });
}

/** The last lines that say something, without terminal colours. */
export function lastLines(text: string, count: number): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.slice(-count).join('\n  ');
}

/** The path of a command that can be run, or undefined. */
export async function findCommand(name: string): Promise<string | undefined> {
  if (name.includes('/')) return (await isExecutable(name)) ? name : undefined;
  const folders = [
    ...(process.env['PATH'] ?? '').split(':').filter(Boolean),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return succeeds(access(path, constants.X_OK));
}
