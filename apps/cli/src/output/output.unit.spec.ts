import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { RunView } from '#common/contracts/api-views.js';
import { AppError } from '#common/errors/app-error.js';
import { Output } from './output.js';
import { toRunText } from './run-text.js';

async function said(context: Record<string, unknown>): Promise<string> {
  const err = new PassThrough();
  const output = new Output(false, new PassThrough() as never, err as never);
  output.problem(new AppError('postgres.tool-too-old', 'too old', context, { hint: 'Install.' }));
  err.end();
  return text(err);
}

describe('a problem on a terminal', () => {
  it('shows what was found as a person can read it, whatever it is', async () => {
    const found = [{ directory: '/usr/bin', major: 15 }, 'nothing', null];
    expect(await said({ found, code: 1 })).toBe(
      'error postgres.tool-too-old: too old\n  found: {"directory":"/usr/bin","major":15}, nothing, null\nhint: Install.\n',
    );
  });

  it('says how many more there are than it shows', async () => {
    const known = Array.from({ length: 13 }, (_, index) => `d${index}`);
    expect(await said({ known })).toContain('d8, d9 and 3 more\n');
  });

  it('shows what the cause of an error found, for the hint is the one of the cause', async () => {
    const exit = { program: 'pg_amcheck', exitCode: 2, stderrTail: 'pg_amcheck: error: no such\nhint: install it' };
    const context = { probe: 'amcheck', cause: { code: 'engine.exit', context: exit } };
    expect(await said(context)).toContain('  stderrTail:\n    pg_amcheck: error: no such\n    hint: install it\n');
  });
});

describe('a failed run', () => {
  it('shows what its hint points at', () => {
    const error = { code: 'engine.exit', message: 'pg_dump ended', hint: 'Read `stderrTail`.' };
    const run = {
      ...{ id: 'r1', kind: 'backup', dataset: 'shop', state: 'failed', attempt: 1, maxAttempts: 3, createdAt: 'now' },
      ...{ startedAt: null, finishedAt: null, progress: null, retry: null, result: null },
      error: { ...error, context: { stderrTail: 'FATAL: no', sqlState: '57P01', refusals: ['first', 'second'] } },
    } as unknown as RunView;
    const lines = toRunText(run).split('\n').slice(-4);
    expect(lines).toEqual(['  stderrTail:', '    FATAL: no', '  sqlState: 57P01', '  refusals: first, second']);
  });
});
