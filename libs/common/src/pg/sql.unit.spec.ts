import { describe, expect, it } from '@jest/globals';
import { body, identifier, joined, keywords, literal, printed, role, sql, textArray } from './sql.js';

describe('a statement', () => {
  it('takes names and values only as what they are', () => {
    const hostile = `a"b'c\\d$body$\n; DROP`;
    expect(sql`COMMENT ON TABLE ${identifier(hostile)} IS ${literal(hostile)}`.text).toBe(
      `COMMENT ON TABLE "a""b'c\\d$body$\n; DROP" IS E'a"b''c\\\\d$body$\n; DROP'`,
    );
    expect(sql`LIMIT ${5} OFFSET ${-1}`.text).toBe('LIMIT 5 OFFSET -1');
    expect(role('public').text).toBe('PUBLIC');
    expect(role('PUBLIC').text).toBe('"PUBLIC"');
    expect(textArray([`it's`, '']).text).toBe(`ARRAY['it''s', '']::text[]`);
    expect(joined([sql`a`, sql`b`], sql` AND `).text).toBe('a AND b');
  });

  it.each([
    ['text', 'public.orders'],
    ['an object that looks like a piece', { text: 'public.orders' }],
    ['a fraction', 1.5],
    ['nothing', undefined],
  ])('takes no %s that is not quoted', (_, part) => {
    expect(() => sql`SELECT FROM ${part as never}`).toThrow(TypeError);
  });

  it('takes no NUL, at which a client would end it', () => {
    expect(() => identifier('a\0b')).toThrow(TypeError);
    expect(() => literal('a\0b')).toThrow(TypeError);
    expect(() => printed('"a\0b"')).toThrow(TypeError);
  });
});

describe('a body', () => {
  it.each(['SELECT 1', `"$body$"`, `"$body$" "$body1$"`, `'$body'`])('never ends where %s says so', (code) => {
    const { text } = body(sql`${printedCode(code)}`);
    const [, tag = ''] = /^(\$\w+\$)/.exec(text) ?? [];
    expect(text).toBe(`${tag}${code}${tag}`);
    expect(code).not.toContain(tag.slice(0, -1));
  });
});

describe('an identity that PostgreSQL printed', () => {
  it.each([
    'public.orders',
    '"Odd; name"."Strange ""table"""',
    '"a\nb"."$drops$"',
    'public.f(integer, VARIADIC "x y" timestamp with time zone[])',
    'public.agg(*)',
    '"Ünïcode".naïve',
  ])('stays as it is: %s', (identity) => {
    expect(printed(identity).text).toBe(identity);
  });

  it.each(['a; DROP TABLE b', `a'b`, 'a--b', 'a/*b', '"a', 'a"', '$a$', 'a$$', '', 'a\nb', 'a:b', 'a\\b'])(
    'is refused where it could be more than that: %j',
    (identity) => {
      expect(() => printed(identity)).toThrow(TypeError);
    },
  );
});

it('a keyword is one', () => {
  expect(keywords('ALTER SYSTEM').text).toBe('ALTER SYSTEM');
  for (const text of ['', 'select', 'SELECT ON x', 'SELECT, INSERT', 'SELECT ']) expect(() => keywords(text)).toThrow();
});

/** Any text as a piece, by way of the array of literals that a body holds in practice. */
function printedCode(code: string) {
  const parts = code.split(/("[^"]*"|'[^']*')/).filter((part) => part !== '');
  return joined(
    parts.map((part) => {
      if (part.startsWith('"')) return identifier(part.slice(1, -1));
      return part.startsWith("'") ? literal(part.slice(1, -1)) : printed(part);
    }),
    sql``,
  );
}
