import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '#tools/sandbox/sandbox.js';
import { toReadable } from './log-line.js';

interface Followed {
  offset: number;
  /** The beginning of a line whose end is not written yet. */
  rest: string;
}

/** Prints what is added to any log of the sandbox from now on; ends only by the signal. */
export async function followLogs({ home }: Sandbox, signal: AbortSignal): Promise<never> {
  const folder = join(home, 'logs');
  const files = new Map<string, Followed>();
  for (let isFirst = true; ; isFirst = false) {
    for (const name of await readdir(folder)) {
      const known = files.get(name) ?? { offset: isFirst ? (await stat(join(folder, name))).size : 0, rest: '' };
      files.set(name, known);
      await printAdded(join(folder, name), name.replace(/\.log$/, ''), known);
    }
    await sleep(250, undefined, { signal });
  }
}

async function printAdded(path: string, who: string, followed: Followed): Promise<void> {
  const { size } = await stat(path);
  if (size <= followed.offset) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - followed.offset), 0, undefined, followed.offset);
    followed.offset += bytesRead;
    const lines = (followed.rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
    followed.rest = lines.pop() ?? '';
    for (const line of lines) console.log(toReadable(who, line));
  } finally {
    await file.close();
  }
}
