import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { servicesDir } from './paths.js';
import type { Print } from './service.js';

/**
 * Runs `work` while no other process does so for this checkout; `what` is kept apart from everything else. The lock is a listening abstract socket: the kernel gives it
 * back when its holder dies, however it dies, so there is no stale lock to judge.
 */
export async function withLock<T>(print: Print, work: () => Promise<T>, what = 'services'): Promise<T> {
  const key = createHash('sha256')
    .update(await realpath(servicesDir))
    .digest('hex')
    .slice(0, 16);
  const server = await takeSocket(`\0holdfast-${what}-${key}`, print);
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function takeSocket(path: string, print: Print): Promise<Server> {
  for (let tries = 0; ; tries += 1) {
    const server = await listen(path);
    if (server) return server;
    if (tries === 5) print('waiting for another command in this checkout to end');
    await sleep(200);
  }
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });
}
