import { connect } from 'node:net';
import { type Check, CheckWarning } from '#common/engines/check.js';
import { toText } from '#common/errors/printable.js';

const CONNECT_MS = 3_000;

/** Whether a server takes connections there now. On a good day it should; on the other one a step before may start it. */
export const reachableCheck = (name: string, address: string): Check => ({
  name,
  run: async () => {
    const problem = await findUnreachable(address, AbortSignal.timeout(CONNECT_MS));
    if (problem === undefined) return 'takes connections';
    throw new CheckWarning(`takes no connections now: ${problem}`);
  },
});

/** Why no server takes connections at `host:port` or an http address; undefined: one does. Never throws. */
export function findUnreachable(address: string, signal: AbortSignal): Promise<string | undefined> {
  const url = new URL(address.includes('://') ? address : `tcp://${address}`);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (problem: string | undefined): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(problem);
    };
    const onAbort = (): void => end('it does not answer in time');
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(toText((error as NodeJS.ErrnoException).code ?? error)));
  });
}
