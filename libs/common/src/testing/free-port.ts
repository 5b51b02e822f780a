import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port that was free a moment ago, for a server that has to be given one. */
export async function findFreePort(): Promise<number> {
  const [port = 0] = await findFreePorts(1);
  return port;
}

/** Several that differ. */
export async function findFreePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listeners.map((listener) => once(listener, 'listening')));
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}

/** One that fits into 15 bits, for servers that keep it as such a number. */
export async function findLowPort(): Promise<number> {
  for (;;) {
    const listener = createServer().listen(12_000 + Math.floor(Math.random() * 8_000), '127.0.0.1');
    const isFree = await once(listener, 'listening').catch(() => undefined);
    if (isFree === undefined) continue;
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    return port;
  }
}
