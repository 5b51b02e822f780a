import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from '#tools/check/root.js';

const Reversal = z.strictObject({
  sentence: z.string().describe('Its number in docs/design/ordering.md'),
  what: z.string().describe('What is true of the reversed code'),
  file: z.string(),
  from: z.string().describe('Stands in the file exactly once, whatever the white space'),
  to: z.string(),
  spec: z.string().describe('Where the test is that must fail then'),
  test: z.string().describe('Its title'),
});

/** One ordered step of docs/design/ordering.md taken back, and the test that has to notice. */
export type Reversal = z.output<typeof Reversal>;

export const loadReversals = (): readonly Reversal[] =>
  z.array(Reversal).parse(parse(readFileSync(join(root, 'tools/reversals/reversals.yaml'), 'utf8')));

const toLiteral = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The formatter may wrap the lines anew: only the words count. */
const toPattern = (text: string): RegExp => new RegExp(text.trim().split(/\s+/).map(toLiteral).join('\\s+'), 'g');

export const countMatches = (source: string, { from }: Reversal): number => source.match(toPattern(from))?.length ?? 0;

/** Throws when the text is not there exactly once: the code has moved on, and the reversal must follow. */
export function reverse(source: string, reversal: Reversal): string {
  const matches = countMatches(source, reversal);
  if (matches !== 1) throw new Error(`${reversal.file}: the text of “${reversal.what}” is there ${matches} times`);
  return source.replace(toPattern(reversal.from), () => reversal.to.trim());
}

/** For jest's -t: matches the title also where `%s` stands for a row's name. */
export const toTitlePattern = ({ test }: Reversal): string => test.split('%s').map(toLiteral).join('.*');
