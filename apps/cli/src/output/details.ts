import type { ErrorContext, Problem } from '#common/errors/app-error.js';
import { toShortList, toText } from '#common/errors/printable.js';
import { NAMES_PER_LINE } from './table.js';

const STDERR_LINES = 10;

/**
 * What hints point at, an indented line each: lists of what is known, found or refused, the SQLSTATE, and the end of a program's stderr;
 * also those of the error that caused this one.
 */
export const toDetails = ({ context }: Pick<Problem, 'context'>): string[] =>
  detailsOf(context).map((line) => `  ${line}`);

function detailsOf(context: ErrorContext): string[] {
  const { cause, ...own } = context;
  const lines = Object.entries(own).flatMap(([name, value]) => toDetail(name, value));
  const inner = isObject(cause) && isObject(cause['context']) ? detailsOf(cause['context']) : [];
  return [...lines, ...inner];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function toDetail(name: string, value: unknown): string[] {
  if (name === 'stderrTail' && typeof value === 'string' && value !== '') {
    const lines = value.split('\n').slice(-STDERR_LINES);
    return [`${name}:`, ...lines.map((line) => `  ${line}`)];
  }
  if (name === 'sqlState' && typeof value === 'string') return [`${name}: ${value}`];
  if (!Array.isArray(value) || value.length === 0) return [];
  return [`${name}: ${toShortList((value as unknown[]).map(toText), { limit: NAMES_PER_LINE })}`];
}
