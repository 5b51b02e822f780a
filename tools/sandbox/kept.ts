import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from './sandbox.js';

const fileOf = ({ home }: Sandbox): string => join(home, 'services.json');

/** The services that an earlier run started and kept, and that the next run, or its end, has to stop. */
export async function readKept(sandbox: Sandbox): Promise<string[]> {
  const text = await readFile(fileOf(sandbox), 'utf8').catch(() => '[]');
  return JSON.parse(text) as string[];
}

export async function writeKept(sandbox: Sandbox, services: readonly string[]): Promise<void> {
  await mkdir(sandbox.home, { recursive: true });
  await writeFile(fileOf(sandbox), JSON.stringify([...new Set(services)]));
}

export const forgetKept = (sandbox: Sandbox): Promise<void> => rm(fileOf(sandbox), { force: true });
