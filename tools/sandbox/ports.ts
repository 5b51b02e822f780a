import { createServer } from 'node:net';
import type { Sandbox } from './sandbox.js';
import { Trouble } from './trouble.js';

/** A stranger on one of our ports would answer our health checks. */
export async function assertPortsFree({ ports }: Sandbox): Promise<void> {
  for (const [who, port] of Object.entries(ports)) {
    if (await isFree(port)) continue;
    throw new Trouble(`port ${port}, which the ${who} needs, is used by another program`, {
      hint: 'Stop that program, or move every port: HOLDFAST_PORT_OFFSET=100 npm run …',
    });
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
