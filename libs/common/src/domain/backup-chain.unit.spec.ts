import { describe, expect, it } from '@jest/globals';
import { childrenFirst, findBroken } from './backup-chain.js';

const link = (id: string, ...needs: string[]) => ({ id, needs });
const chain = [link('full'), link('incr-1', 'full'), link('incr-2', 'incr-1'), link('other')];

describe('a chain of backups', () => {
  it('is whole when everything that it builds on is', () => {
    expect(findBroken(chain, () => false)).toEqual(new Set());
  });

  it('is broken from the first link on that is broken itself, and names that one not', () => {
    expect(findBroken(chain, (id) => id === 'full')).toEqual(new Set(['incr-1', 'incr-2']));
    expect(findBroken(chain, (id) => id === 'incr-1')).toEqual(new Set(['incr-2']));
  });

  it('is broken when a link is not there, or leads back to where it began', () => {
    expect(findBroken([link('incr', 'gone')], () => false)).toEqual(new Set(['incr']));
    expect(findBroken([link('a', 'b'), link('b', 'a')], () => false)).toEqual(new Set(['a', 'b']));
  });

  it('goes from its end: nothing is there without what it needs', () => {
    expect(childrenFirst(chain).map(({ id }) => id)).toEqual(['incr-2', 'incr-1', 'full', 'other']);
  });
});
