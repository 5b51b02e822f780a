import { describe, expect, it } from '@jest/globals';
import type { ChildEnd } from './command.js';
import { findCulprit, toExitError } from './exit-error.js';

const end = (program: string, exitCode: number | null, stderrTail = '', signal: string | null = null): ChildEnd => ({
  program,
  exitCode,
  signal,
  stderrTail,
});

describe('blame in a chain', () => {
  it.each([
    ['no program when all succeeded', [end('pg_dump', 0), end('zstd', 0)], undefined],
    ['the first to fail', [end('pg_dump', 1, 'no such table'), end('zstd', 1, 'unexpected end of file')], 'pg_dump'],
    ['the one killed for memory', [end('zstd', null, '', 'SIGKILL'), end('pg_dump', null, '', 'SIGTERM')], 'zstd'],
    [
      'the reader, not the writer that died of its pipe',
      [end('pg_dump', null, '', 'SIGPIPE'), end('zstd', 1, 'no memory')],
      'zstd',
    ],
    [
      'the reader, not the writer that complained of its pipe',
      [end('cat', 1, 'cat: write error: Broken pipe'), end('zstd', 1)],
      'zstd',
    ],
    ['the writer that lost a reader that succeeded', [end('zstd', 0), end('pg_dump', null, '', 'SIGPIPE')], 'pg_dump'],
  ])('falls on %s', (_, ends, culprit) => {
    expect(findCulprit(ends)?.program).toBe(culprit);
  });

  it.each([
    [
      'FATAL:  terminating connection due to administrator command',
      [
        'pg_dump: error: Dumping the contents of table "orders" failed: PQgetCopyData() failed.',
        'pg_dump: detail: Error message from server: FATAL:  terminating connection due to administrator command',
        'server closed the connection unexpectedly',
        '\tThis probably means the server terminated abnormally',
        '\tbefore or while processing the request.',
        'pg_dump: detail: Command was: COPY public.orders (id) TO stdout;',
      ],
    ],
    [
      'pg_dump: error: query failed: ERROR:  permission denied for table a',
      [
        'pg_dump: error: query failed: ERROR:  permission denied for table a',
        'pg_dump: detail: Query was: LOCK TABLE a',
      ],
    ],
    [
      'zstd: error 25 : Write error : cannot write block : No space left on device',
      ['zstd: error 25 : Write error : cannot write block : No space left on device', 'bye'],
    ],
    ['the last line', ['nothing known', 'the last line']],
  ])('tells the line with the cause: %s', (line, stderr) => {
    expect(toExitError(end('program', 1, stderr.join('\n'))).message).toBe(`program ended with exit code 1: ${line}`);
  });

  it('tells how it ended, what it said of the cause, and how the others ended', () => {
    const ends = [end('pg_dump', 1, 'pg_dump: error: no\nserver closed the connection'), end('zstd', 0)];
    const error = toExitError(ends[0] as ChildEnd, ends);
    expect(error.message).toBe('pg_dump ended with exit code 1: pg_dump: error: no');
    expect(error.context).toMatchObject({
      exitCode: 1,
      chain: [
        { program: 'pg_dump', exitCode: 1, signal: null },
        { program: 'zstd', exitCode: 0, signal: null },
      ],
    });
    expect(toExitError(end('zstd', null, '', 'SIGKILL')).message).toBe('zstd ended with signal SIGKILL');
  });
});
