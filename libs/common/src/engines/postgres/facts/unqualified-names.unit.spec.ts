import { describe, expect, it } from '@jest/globals';
import { findQualifiedCalls, findUnqualified } from './unqualified-names.js';

const names = {
  relations: new Set(['rates', 'customers', 'Odd; name']),
  functions: new Set(['rate', 'to_cents']),
  types: new Set(['mood']),
};

describe('names without a schema in a function', () => {
  it.each([
    ['a table', 'SELECT factor FROM rates WHERE id = $1', ['rates']],
    ['a second table', 'SELECT 1 FROM public.rates r, customers c', ['customers']],
    ['a joined table', 'SELECT 1 FROM public.rates JOIN Customers USING (id)', ['customers']],
    ['a quoted table', 'DELETE FROM "Odd; name"', ['Odd; name']],
    ['a row type', 'DECLARE r rates%ROWTYPE; BEGIN RETURN; END', ['rates']],
    ['a function', 'BEGIN RETURN to_cents($1) > rate(1); END', ['to_cents', 'rate']],
    ['a type', `DECLARE m mood; BEGIN RETURN 'x'::mood; END`, ['mood']],
    ['a table that is written to', 'INSERT INTO rates (id) VALUES (1)', ['rates']],
  ])('are found: %s', (_, code, found) => {
    expect(findUnqualified(code, names)).toEqual(found);
  });

  it.each([
    ['with a schema', 'SELECT public.rate(r.rates) FROM public.rates r WHERE public.rates.id = 1'],
    ['of columns', 'SELECT rates, mood FROM public.customers WHERE rates > 1 ORDER BY id, rates'],
    ['in a comment', 'SELECT 1 -- FROM rates\n /* JOIN customers */'],
    ['in a string', `SELECT 'FROM rates', E'\\' FROM rates', $x$ FROM rates $x$`],
    ['that PostgreSQL itself has', 'SELECT count(*) FROM generate_series(1, 2)'],
  ])('are none: %s', (_, code) => {
    expect(findUnqualified(code, names)).toEqual([]);
  });

  it('are looked for in what is called by its whole name, too', () => {
    expect(findQualifiedCalls('SELECT public.rate(1) + "Odd"."f""n"(2), rate(3), public.rates')).toEqual([
      'public.rate',
      'Odd.f"n',
    ]);
  });
});
