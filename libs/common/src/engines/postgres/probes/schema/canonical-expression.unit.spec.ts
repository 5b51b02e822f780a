import { describe, expect, it } from '@jest/globals';
import { toCanonicalExpression } from './canonical-expression.js';

describe('an expression in canonical form', () => {
  it.each([
    [
      `((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`,
      `((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))`,
    ],
    [
      `x = ANY ((ARRAY['a, ]'::s."T ype", f(1, 2), (ARRAY[1])::int[]])::s."T ype"[]) AND y`,
      `x = ANY (ARRAY[('a, ]'::s."T ype")::s."T ype", (f(1, 2))::s."T ype", (ARRAY[(1)::int])::s."T ype"]) AND y`,
    ],
  ])('%s is the same as when it was read again', (typed, readAgain) => {
    expect(toCanonicalExpression(typed)).toBe(readAgain);
    expect(toCanonicalExpression(readAgain)).toBe(readAgain);
  });

  it.each([
    `SELECT '(ARRAY[1])::text[]'`,
    `(ARRAY[1, 2])[1]`,
    `(ARRAY[1, 2`,
    `x AS "(ARRAY[1])::text[]"`,
    `(ARRAY[1])::text`,
  ])('leaves %s as it is', (text) => {
    expect(toCanonicalExpression(text)).toBe(text);
  });
});
