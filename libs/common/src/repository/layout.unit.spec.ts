import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  attemptPrefix,
  canaryKey,
  clockKey,
  deletionKey,
  expiringKey,
  findAttemptKey,
  findAttemptNumber,
  findBackupId,
  holdKey,
  isControlKey,
  isObjectKey,
  manifestKey,
  probeKey,
  sweptKey,
  toListPrefix,
  verdictKey,
} from './layout.js';

const id = '0198f3c2-7a50-7000-8000-0123456789ab';

describe('repository layout', () => {
  it('keeps everything of one attempt below one prefix', () => {
    const attempt = attemptPrefix('shop', id, 2, '3f9c');
    expect(attempt).toBe(`shop/${id}/a2-3f9c`);
    expect(manifestKey(attempt)).toBe(`shop/${id}/a2-3f9c/manifest.json`);
    expect(findAttemptKey(manifestKey(attempt))).toBe(attempt);
  });

  it('keeps what is short-lived below one prefix, at the path of what it is about', () => {
    const attempt = attemptPrefix('a1-x', id, 2, '3f9c');
    expect(sweptKey(attempt)).toBe(`_control/backups/a1-x/${id}/a2-3f9c/swept`);
    const about = [sweptKey(attempt), holdKey('a1-x', id, 'audit'), expiringKey('a1-x', id), deletionKey('a1-x', id)];
    for (const key of about) expect([isControlKey(key), findBackupId(key)]).toEqual([true, id]);
    for (const key of [probeKey('a'), clockKey('a1-x', 'b'), canaryKey('c')]) expect(isControlKey(key)).toBe(true);
    expect(about.map(findAttemptKey)).toEqual([attempt, undefined, undefined, undefined]);
    expect([manifestKey(attempt), verdictKey('a1-x', id, '2026', id)].some(isControlKey)).toBe(false);
  });

  it('makes keys that every storage takes', () => {
    const verdict = verdictKey('shop', id, '2026-11-21T10:44:35.123Z', id);
    const attempt = attemptPrefix('a.dataset_with-63', id, 12, 'Ab_-9');
    const hold = holdKey('d'.repeat(63), id, 'h'.repeat(63));
    for (const key of [verdict, manifestKey(attempt), sweptKey(attempt), hold]) expect(isObjectKey(key)).toBe(true);
  });

  it('reads the number of an attempt from its name and from nothing else', () => {
    expect(findAttemptNumber('a12-3f9c')).toBe(12);
    for (const name of ['verdicts', 'a-1', 'a1', 'b1-3f9c', 'a1-3f9c/x', '']) {
      expect(findAttemptNumber(name)).toBeUndefined();
    }
  });

  it('lists a folder, never its namesakes', () => {
    expect(toListPrefix('shop')).toBe('shop/');
    expect(toListPrefix('')).toBe('');
    expect(() => toListPrefix('../shop')).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  it('takes no key that leads out of the prefix', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('..', '.', '', 'a', '.a', 'a.', '\\', '%2e', '~'), { minLength: 1 }),
        (names) => {
          const key = names.join('/');
          const isPlain = names.every((name) => ['a', 'a.'].includes(name));
          expect(isObjectKey(key)).toBe(isPlain && key.length <= 220);
        },
      ),
    );
  });
});
