import { describe, expect, it } from '@jest/globals';
import { addSums, NO_CONTENT, toFingerprint } from './fingerprint.js';
import { withEndValues } from './sequences.js';
import { hideSecret } from './settings.js';

describe('hideSecret', () => {
  it('keeps what is no secret, with every equals sign', () => {
    expect(hideSecret('search_path=a, b')).toBe('search_path=a, b');
    expect(hideSecret('app.url=http://x?a=b')).toBe('app.url=http://x?a=b');
  });

  it.each(['app.jwt_secret', 'app.Password', 'my.api_key', 'x.token'])(
    'hides the value of %s and tells it apart',
    (name) => {
      const [a, b] = [hideSecret(`${name}=one=1`), hideSecret(`${name}=one=2`)];
      expect(a).toMatch(new RegExp(`^${name.replace('.', '\\.')}=sha256:[0-9a-f]{64}$`));
      expect(b).not.toBe(a);
    },
  );
});

describe('fingerprints', () => {
  const a = { rows: 2n, high: -5n, low: 2n ** 70n };
  const b = { rows: 1n, high: 7n, low: -1n };

  it('of two tables are that of both together, in any order', () => {
    expect(toFingerprint(addSums(a, b))).toBe(toFingerprint(addSums(b, a)));
    expect(toFingerprint(addSums(addSums(NO_CONTENT, a), b))).toBe(
      toFingerprint({ rows: 3n, high: 2n, low: 2n ** 70n - 1n }),
    );
  });

  it('are 128 bits, whatever the sums', () => {
    expect(toFingerprint(NO_CONTENT)).toBe(`sum1:${'0'.repeat(32)}`);
    expect(toFingerprint(b)).toBe('sum1:0000000000000007ffffffffffffffff');
  });
});

describe('sequences', () => {
  const before = [
    { name: 'a', lastValue: '1', isCalled: true },
    { name: 'b', lastValue: '5', isCalled: false },
  ];

  it('that were used meanwhile tell both ends', () => {
    const after = [
      { name: 'b', lastValue: '5', isCalled: true },
      { name: 'a', lastValue: '9', isCalled: true },
    ];
    expect(withEndValues(before, after)).toEqual([
      { name: 'a', lastValue: '1', isCalled: true, lastValueAtEnd: '9' },
      { name: 'b', lastValue: '5', isCalled: false, lastValueAtEnd: '5' },
    ]);
  });

  it('that stood still or are gone are as they were', () => {
    expect(withEndValues(before, before.slice(0, 1))).toEqual(before);
  });
});
