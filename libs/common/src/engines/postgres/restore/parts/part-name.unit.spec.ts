import { describe, expect, it } from '@jest/globals';
import { isMeant, parsePart } from './part-name.js';

describe('a part of a dump', () => {
  it.each([
    ['public.orders', 'public', 'orders'],
    ['Public.Orders', 'public', 'orders'],
    ['sales.*', 'sales', null],
    ['public."Order Lines"', 'public', 'Order Lines'],
    ['"a.b"."c""d"', 'a.b', 'c"d'],
    ['public."*"', 'public', '*'],
    ['public."two\nlines $1"', 'public', 'two\nlines $1'],
    ['öffentlich.straße_1$', 'öffentlich', 'straße_1$'],
  ])('is read by the rules of SQL: %j', (text, schema, table) => {
    expect(parsePart(text)).toEqual({ schema, table });
  });

  it.each([
    'orders',
    'a.b.c',
    'public.',
    '.orders',
    'public.or*',
    '*.orders',
    'public.Order Lines',
    'public."open',
    '1a.b',
    '',
  ])('is refused where it names no table of one schema: %j', (text) => {
    expect(() => parsePart(text)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  it('means a table of its schema, or all of them', () => {
    const found = { schema: 'public', name: 'a.b' };
    expect(isMeant({ schema: 'public', table: 'a.b' }, found)).toBe(true);
    expect(isMeant({ schema: 'public', table: null }, found)).toBe(true);
    expect(isMeant({ schema: 'public.a', table: 'b' }, found)).toBe(false);
  });
});
