import type { Definition } from '#common/contracts/definition.js';
import type { Evidence } from '#common/domain/verdict.js';
import { toCanonicalExpression } from './canonical-expression.js';

/** Each property that differs, by name, with both values. */
export function compareProperties(subject: string, before: Definition['is'], after: Definition['is']): Evidence[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => compareProperty(subject, name, [before[name], after[name]]));
}

function compareProperty(
  subject: string,
  name: string,
  [before, after]: [string | undefined, string | undefined],
): Evidence[] {
  if (before === after) return [];
  if (before === undefined) return [{ subject, actual: after ?? null, problem: `gained ${name}` }];
  if (after === undefined) return [{ subject, expected: before, problem: `lost its ${name}` }];
  const [expected, actual] = [toCanonicalExpression(before), toCanonicalExpression(after)];
  return expected === actual ? [] : [toChange(subject, name, [expected.split('\n'), actual.split('\n')])];
}

/** Of a text of many lines the first that differ: a function of a thousand lines hides its change. */
function toChange(subject: string, name: string, [before, after]: [string[], string[]]): Evidence {
  if (before.length === 1 && after.length === 1)
    return { subject, expected: before[0] ?? '', actual: after[0] ?? '', problem: toProblem(name) };
  const isSame = (line: string | undefined, index: number): boolean => line === after[index];
  const first = before.findIndex((line, index) => !isSame(line, index));
  const start = first < 0 ? before.length : first;
  const shown = (lines: readonly string[]): string => lines.slice(start, start + SHOWN_LINES).join('\n');
  return {
    ...{ subject, expected: shown(before), actual: shown(after) },
    problem: `${toProblem(name)} from line ${start + 1} on`,
  };
}

const SHOWN_LINES = 3;

const toProblem = (name: string): string => `the ${name} ${name.endsWith('s') ? 'differ' : 'differs'}`;
