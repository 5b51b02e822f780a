import { describe, expect, it } from '@jest/globals';
import { parsePortOffset, portsAt } from './versions.js';

describe('port offset', () => {
  it('is zero unless set', () => {
    expect(parsePortOffset(undefined)).toBe(0);
    expect(parsePortOffset('')).toBe(0);
    expect(parsePortOffset('300')).toBe(300);
  });

  it.each(['17', '-100', '1e9', 'abc', '3600', '100.5'])('refuses %s', (text) => {
    expect(() => parsePortOffset(text)).toThrow('HOLDFAST_PORT_OFFSET must be a multiple of 100');
  });

  it('never makes two checkouts share a port', () => {
    const offsets = Array.from({ length: 36 }, (_, index) => index * 100);
    const base = Object.values(portsAt(0));
    expect(new Set(base).size).toBe(base.length);
    for (const offset of offsets.slice(1)) {
      const shared = Object.values(portsAt(offset)).filter((port) => base.includes(port));
      expect({ offset, shared }).toEqual({ offset, shared: [] });
      expect(Math.max(...Object.values(portsAt(offset)))).toBeLessThan(32_768);
    }
  });
});
