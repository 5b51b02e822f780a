import { z } from 'zod';
import { compareNumbers } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { isExpected } from '#common/probes/canonical-json.js';
import type { SqlAnswer } from './sql-answer.js';

export const SqlAssertion = z
  .strictObject({
    name: z.string().optional().describe('Names the assertion in the evidence; default: the query'),
    query: z.string().min(1).describe('One SELECT; runs read-only'),
    equals: z.json().optional().describe('A scalar: the first value; an object: the first row; a list: all rows'),
    rows: z.int().min(0).optional().describe('Exactly so many rows'),
    min: z.number().optional().describe('The first value is at least this'),
    max: z.number().optional(),
  })
  .refine(
    ({ equals, rows, min, max }) => [equals, rows, min, max].some((expectation) => expectation !== undefined),
    'expects nothing: give equals, rows, min or max',
  );
export type SqlAssertion = z.output<typeof SqlAssertion>;

export const subjectOf = ({ name, query }: SqlAssertion): string => name ?? query;

/** What in the answer is not as asserted: empty when all is. */
export const checkAssertion = (assertion: SqlAssertion, answer: SqlAnswer): Evidence[] =>
  [checkRows(assertion, answer), checkEquals(assertion, answer), checkBounds(assertion, answer)].flat();

function checkRows({ rows: expected, ...assertion }: SqlAssertion, { total }: SqlAnswer): Evidence[] {
  if (expected === undefined || expected === total) return [];
  return [{ subject: subjectOf(assertion), expected, actual: total, problem: 'the number of rows differs' }];
}

function checkEquals(assertion: SqlAssertion, answer: SqlAnswer): Evidence[] {
  const { equals } = assertion;
  if (equals === undefined) return [];
  const actual = Array.isArray(equals) ? answer.rows : isRecord(equals) ? answer.rows[0] : firstValue(answer);
  const isWhole = !Array.isArray(equals) || answer.total === answer.rows.length;
  if (isWhole && actual !== undefined && isExpected(actual, equals)) return [];
  const problem = actual === undefined ? 'there is no row' : 'the answer differs';
  return [{ subject: subjectOf(assertion), expected: equals, actual: actual ?? null, problem }];
}

function checkBounds(assertion: SqlAssertion, answer: SqlAnswer): Evidence[] {
  const { min, max } = assertion;
  if (min === undefined && max === undefined) return [];
  const first = firstValue(answer) ?? null;
  const isAbove = min === undefined || (compareNumbers(first, min) ?? -1) >= 0;
  const isBelow = max === undefined || (compareNumbers(first, max) ?? 1) <= 0;
  if (isAbove && isBelow) return [];
  const expected = `${min ?? ''} … ${max ?? ''}`.trim();
  return [{ subject: subjectOf(assertion), expected, actual: first, problem: 'the value is out of bounds' }];
}

const firstValue = ({ rows }: SqlAnswer): Json | undefined =>
  rows[0] === undefined ? undefined : Object.values(rows[0])[0];

const isRecord = (value: Json): boolean => value !== null && typeof value === 'object';
