import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { ChildEnd } from './command.js';

export const isSuccess = (end: ChildEnd): boolean => end.exitCode === 0;

/** "pg_dump ended with exit code 1: FATAL:  terminating connection", with the end in the context. */
export function toExitError(end: ChildEnd, chain: readonly ChildEnd[] = [end]): AppError {
  const how = end.signal === null ? `exit code ${toText(end.exitCode)}` : `signal ${end.signal}`;
  const cause = findCause(end.stderrTail);
  const others = chain.length < 2 ? {} : { chain: chain.map(toBrief) };
  return new AppError('engine.exit', `${end.program} ended with ${how}${cause && `: ${cause}`}`, {
    ...end,
    ...others,
  });
}

/** Signs of a line that tells a cause, the surest first. What a program says last is often only how it took it. */
const CAUSES = [/\b(?:FATAL|PANIC):/, /\bERROR:/, /^\S+: (?:error|fatal):/i, /\berror\b/i];

/** The line of stderr that says most. Without what a program of PostgreSQL puts before the server's own words. */
function findCause(stderrTail: string): string {
  const lines = stderrTail.split('\n').map((line) => line.trim());
  const told = CAUSES.map((sign) => lines.find((line) => sign.test(line))).find((line) => line !== undefined);
  return (told ?? lines.at(-1) ?? '').replace(/^.*\bError message from server: /, '');
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
