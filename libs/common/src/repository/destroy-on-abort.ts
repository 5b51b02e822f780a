import type { Readable } from 'node:stream';
import { toText } from '#common/errors/printable.js';

/**
 * An abort destroys the stream with the abort's own reason. An error of the stream before a reader comes is kept for the
 * reader instead of ending this process.
 */
export function destroyOnAbort<S extends Readable>(stream: S, signal: AbortSignal): S {
  stream.on('error', () => undefined);
  const onAbort = () => stream.destroy(toError(signal.reason));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', onAbort));
  return stream;
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(toText(reason)));
