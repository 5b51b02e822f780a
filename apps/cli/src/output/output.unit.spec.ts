import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { Output } from './output.js';

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
});
