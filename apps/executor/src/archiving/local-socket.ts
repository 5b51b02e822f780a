import { once } from 'node:events';
import { chmod, rename, stat, unlink } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { toText } from '#common/errors/printable.js';
import { type Background, inBackground, pause } from '#common/service/background/background.js';
import type { Logger } from '#common/telemetry/logger.js';

export interface LocalSocketOptions {
  readonly path: string;
  readonly answer: RequestListener;
  readonly logger: Logger;
  /** How often a process that has the socket looks whether it has it still, and one that has not whether it is free. Default 5 s. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 5_000;

/**
 * Listens on a Unix socket for its owner and its group. One process of a machine has it; another takes over when it is gone. The socket
 * appears under its name by a rename, with its permissions: a client finds one that answers or none, also after a kill.
 */
export const startLocalSocket = (o: LocalSocketOptions): Background =>
  inBackground(async (stopping) => {
    const everyMs = o.lookEveryMs ?? LOOK_EVERY_MS;
    for (let said = ''; !stopping.aborted; await pause(everyMs, stopping)) {
      const found = await serveIfFree({ ...o, lookEveryMs: everyMs }, stopping);
      if (found !== '' && found !== said)
        o.logger.warn({ socket: o.path, why: found }, 'no local socket: trying again');
      said = found;
    }
  });

/** Why it does not listen; empty: it did until now. */
async function serveIfFree(o: Required<LocalSocketOptions>, stopping: AbortSignal): Promise<string> {
  if (await isAnswered(o.path)) return 'another process has it';
  try {
    await serve(o, stopping);
    return '';
  } catch (error) {
    return toText(error);
  }
}

/** Until the process stops or another has taken the name. */
async function serve({ path, answer, logger, lookEveryMs }: Required<LocalSocketOptions>, stopping: AbortSignal) {
  const server = createServer({ keepAlive: false }, answer);
  // A client that asks before it sends is answered by the same; without a listener of its own Node would ask it to go on.
  server.on('checkContinue', answer);
  const own = `${path}.${process.pid}`;
  await unlink(own).catch(() => undefined);
  server.listen(own);
  await once(server, 'listening');
  try {
    await chmod(own, 0o660);
    const { ino } = await stat(own);
    await rename(own, path);
    logger.info({ socket: path }, 'listening on the local socket');
    const isOurs = async (): Promise<boolean> => (await stat(path).catch(() => undefined))?.ino === ino;
    while (!stopping.aborted && (await isOurs())) await pause(lookEveryMs, stopping);
    if (await isOurs()) await unlink(path).catch(() => undefined);
  } finally {
    await close(server);
  }
}

/** Answers that are on their way are given, or ended by their own signal. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
