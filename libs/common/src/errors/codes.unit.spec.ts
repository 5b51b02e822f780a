import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { AppError, toAppError, toProblem } from './app-error.js';
import { Codes } from './codes.js';

const ROOT = process.cwd();
const sources = ['apps', 'libs']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  )
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !path.endsWith('errors/codes.ts'))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n');

describe('the table of error codes', () => {
  it.each(Object.keys(Codes))('%s is used somewhere: a code that is never thrown misleads its reader', (code) => {
    expect(sources.includes(`'${code}'`)).toBe(true);
  });

  it.each(Object.entries(Codes))('%s tells the next step in a full sentence', (_, { hint }) => {
    expect(hint).toMatch(/^[A-Z].*[.]$/s);
  });

  it('is in the order of the alphabet', () => {
    expect(Object.keys(Codes)).toEqual(Object.keys(Codes).sort());
  });
});

describe('an error', () => {
  it('takes retry, exit and hint from its code, unless a better hint is given', () => {
    const error = new AppError('request.refused', 'no', {}, { hint: 'Ask again.' });
    expect([error.retryable, error.exit, error.hint]).toEqual([false, Codes['request.refused'].exit, 'Ask again.']);
    expect(new AppError('request.refused', 'no').hint).toBe(Codes['request.refused'].hint);
  });

  it('keeps an unexpected error as the cause of a defect', () => {
    const cause = new TypeError('x is not a function');
    expect(toAppError(cause)).toMatchObject({ code: 'internal.bug', message: 'x is not a function', cause });
    expect(toProblem('a string').code).toBe('internal.bug');
  });
});
