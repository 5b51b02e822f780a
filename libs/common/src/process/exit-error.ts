import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { ChildEnd } from './command.js';

export const isSuccess = (end: ChildEnd): boolean => end.exitCode === 0;

/** "pg_dump ended with exit code 1: last line of stderr", with the end in the context. */
export function toExitError(end: ChildEnd, chain: readonly ChildEnd[] = [end]): AppError {
  const how = end.signal === null ? `exit code ${toText(end.exitCode)}` : `signal ${end.signal}`;
  const lastLine = end.stderrTail.split('\n').at(-1) ?? '';
  const others = chain.length < 2 ? {} : { chain: chain.map(toBrief) };
  return new AppError('engine.exit', `${end.program} ended with ${how}${lastLine && `: ${lastLine}`}`, {
    ...end,
    ...others,
  });
}

/**
 * Who broke a chain: the first to fail in time, for everything after it is consequence. A producer that only lost its reader is
 * blamed last: reader and producer end within the same moment, in an order that says nothing. `ends` come in the order in
 * which the children exited.
 */
export function findCulprit(ends: readonly ChildEnd[]): ChildEnd | undefined {
  const failed = ends.filter((end) => !isSuccess(end));
  return failed.find((end) => !hasLostReader(end)) ?? failed[0];
}

/** Pipes between children are sockets (Node makes them so): a closed one resets as often as it breaks. Children speak English. */
const hasLostReader = ({ signal, stderrTail }: ChildEnd): boolean =>
  signal === 'SIGPIPE' || /broken pipe|connection reset by peer|EPIPE|ECONNRESET/i.test(stderrTail.slice(-500));

const toBrief = ({ program, exitCode, signal }: ChildEnd) => ({ program, exitCode, signal });
