import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { withoutRows } from './pg-restore.js';

describe('the failure of a program that restores', () => {
  it('keeps no row that its stderr quotes, and its hint points at nothing that is not there', () => {
    const stderrTail = 'COPY invoice, line 3: "4711\tsecret"';
    const end = { program: 'psql', exitCode: 3, signal: null, stderrTail };
    const found = withoutRows(
      new AppError('engine.exit', `psql ended with exit code 3: ${stderrTail}`, end),
    ) as AppError;
    expect(JSON.stringify([found.message, found.hint, found.context, found.cause])).not.toMatch(/secret|stderrTail/);
    expect(found.hint).toContain('log of the PostgreSQL server');
  });
});
