import { compareNumbers, isExactNumber, toPlainText } from '#common/domain/exact-json.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { isExpected } from '#common/probes/canonical-json.js';
import type { HttpAnswer } from './exchange.js';
import { readJsonPath } from './json-path.js';
import type { HttpRequest, JsonExpectation } from './params.js';

const SHOWN_CHARACTERS = 300;

export function wantedStatuses({ status }: HttpRequest['expect']): readonly number[] {
  return status === undefined ? [] : [status].flat();
}

/** What in an answer is not as expected: empty when all is. */
export function checkAnswer(request: HttpRequest, answer: HttpAnswer): Evidence[] {
  const { name, expect, graphql } = request;
  const problems = [
    ...checkStatus(name, wantedStatuses(expect), answer),
    ...(graphql === undefined ? [] : checkGraphqlErrors(name, answer)),
    ...expect.json.flatMap((expectation) => checkJson(name, expectation, answer)),
  ];
  const { contains } = expect;
  if (contains !== undefined && !answer.text.includes(contains)) {
    const shown = answer.text.slice(0, SHOWN_CHARACTERS);
    problems.push({
      subject: name,
      expected: contains,
      actual: shown,
      problem: 'the answer does not contain the text',
    });
  }
  return problems;
}

function checkStatus(subject: string, wanted: readonly number[], { status }: HttpAnswer): Evidence[] {
  const fits = wanted.length === 0 ? status >= 200 && status <= 299 : wanted.includes(status);
  const expected: Json = wanted.length === 0 ? '2xx' : [...wanted];
  return fits ? [] : [{ subject, expected, actual: status, problem: `answered ${status}` }];
}

function checkGraphqlErrors(subject: string, { json }: HttpAnswer): Evidence[] {
  const message = readJsonPath(json, 'errors[0].message');
  if (message === undefined) return [];
  return [{ subject, expected: 'no errors', actual: message, problem: 'the GraphQL answer holds errors' }];
}

function checkJson(name: string, expectation: JsonExpectation, { json, text }: HttpAnswer): Evidence[] {
  const subject = `${name}: ${expectation.path}`;
  if (json === undefined) {
    return [{ subject, actual: text.slice(0, SHOWN_CHARACTERS), problem: 'the answer is not JSON' }];
  }
  const actual = readJsonPath(json, expectation.path);
  const problem = problemAt(expectation, actual);
  const expected = withoutUndefined({ ...expectation, path: undefined });
  return problem === undefined ? [] : [{ subject, expected, actual: actual ?? null, problem }];
}

const withoutUndefined = (value: object): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as JsonObject;

function problemAt(expectation: JsonExpectation, actual: Json | undefined): string | undefined {
  const { exists, equals, matches, min, max, minItems, maxItems } = expectation;
  if (exists === false) return actual === undefined ? undefined : 'exists';
  if (actual === undefined) return 'is absent';
  if (equals !== undefined && !isExpected(actual, equals)) return 'differs';
  if (matches !== undefined && !(typeof actual === 'string' && new RegExp(matches).test(actual)))
    return 'does not match';
  return (
    problemOfSize(actual, { min, max }, 'number') ?? problemOfSize(actual, { min: minItems, max: maxItems }, 'list')
  );
}

interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

function problemOfSize(actual: Json, { min, max }: Bounds, kind: 'number' | 'list'): string | undefined {
  if (min === undefined && max === undefined) return undefined;
  const size = kind === 'list' ? (Array.isArray(actual) ? actual.length : undefined) : actual;
  if (typeof size !== 'number' && !isExactNumber(size)) return `is no ${kind}`;
  const what = kind === 'list' ? `has ${toPlainText(size)} items, ` : '';
  if (min !== undefined && (compareNumbers(size, min) ?? 0) < 0) return `${what}less than ${min}`;
  if (max !== undefined && (compareNumbers(size, max) ?? 0) > 0) return `${what}more than ${max}`;
  return undefined;
}
