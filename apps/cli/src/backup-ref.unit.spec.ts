import { describe, expect, it } from '@jest/globals';
import { BackupRef, parseLatest } from '#common/contracts/names.js';
import { withMethod } from './backup-ref.js';

describe('a reference to a backup', () => {
  it('takes the method from the option where it names the latest', () => {
    expect(withMethod('shop@latest', { method: 'base' })).toBe('shop@latest:base');
    expect(withMethod('shop@latest', {})).toBe('shop@latest');
    expect(withMethod('shop@latest:base', {})).toBe('shop@latest:base');
  });

  it.each(['01987654-3210-7fff-bfff-ffffffffffff', 'shop@latest:dump'])(
    'takes no method for %s, which names one backup already',
    (reference) => {
      const refusal = expect.objectContaining({ code: 'request.invalid' });
      expect(() => withMethod(reference, { method: 'base' })).toThrow(refusal);
    },
  );

  it.each([
    ['latest', { method: undefined }],
    ['latest:base', { method: 'base' }],
    ['01987654-3210-7fff-bfff-ffffffffffff', undefined],
  ])('reads %s in a request', (reference, latest) => {
    expect(parseLatest(BackupRef.parse(reference))).toEqual(latest);
  });

  it.each(['latest:', 'latest:BASE', 'newest'])('refuses %s in a request', (reference) => {
    expect(BackupRef.safeParse(reference).success).toBe(false);
  });
});
