import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '#tools/check/root.js';
import { countMatches, loadReversals, reverse, toTitlePattern } from './reversal.js';
import { toOutcome } from './scratch-copy.js';

const page = readFileSync(join(root, 'docs/design/ordering.md'), 'utf8');
const reversals = loadReversals();
const sourceOf = ({ file }: { readonly file: string }) => readFileSync(join(root, file), 'utf8');

describe('a test', () => {
  const ofStates = (...states: string[]) =>
    toOutcome({ testResults: [{ assertionResults: states.map((status) => ({ title: 'one', status })) }] });

  it('has noticed a reversal only when it ran and failed', () => {
    expect(ofStates('failed', 'pending')).toBe('failed');
    expect(ofStates('passed', 'failed')).toBe('failed');
    expect(ofStates('passed', 'pending')).toBe('passed');
  });

  it('has noticed nothing when its spec could not be loaded, or has no test of that name', () => {
    expect([ofStates(), ofStates('pending'), toOutcome({ testResults: [] })]).toEqual(Array(3).fill('did not run'));
  });
});

describe('a reversal', () => {
  it('finds its text in the code exactly once', () => {
    const lost = reversals.filter((reversal) => countMatches(sourceOf(reversal), reversal) !== 1);
    expect(lost.map(({ sentence, what, file }) => `${sentence}: ${what} (${file})`)).toEqual([]);
  });

  it('changes the code, and nothing but its text', () => {
    const [sample] = reversals;
    if (sample === undefined) throw new Error('there is no reversal');
    const reversal = { ...sample, from: 'a (\n b );', to: 'b(a);' };
    expect(reverse('x;\n  a (b\n);\ny;', { ...reversal, from: 'a (b );' })).toBe('x;\n  b(a);\ny;');
    expect(() => reverse('a ( b ); a ( b );', reversal)).toThrow('is there 2 times');
    expect(() => reverse('nothing', reversal)).toThrow('is there 0 times');
  });

  it('names a test that the ordering names too', () => {
    const text = page.replace(/\s+/g, ' ');
    const unnamed = reversals.filter(({ test }) => !text.includes(`“${test}”`));
    expect(unnamed.map(({ what, test }) => `${what}: ${test}`)).toEqual([]);
  });

  it('is there for every sentence', () => {
    const sentences = [...page.matchAll(/^(?:- )?(\d+|[DLPSU]\d+)[.:] \*\*/gm)].map(([, sentence]) => sentence);
    expect(sentences.length).toBeGreaterThan(34);
    const tried = new Set(reversals.map(({ sentence }) => sentence));
    expect(sentences.filter((sentence) => sentence !== undefined && !tried.has(sentence))).toEqual([]);
    expect([...tried].filter((sentence) => !sentences.includes(sentence))).toEqual([]);
  });

  it('asks for its test by the whole title, whatever row it stands for', () => {
    const [sample] = reversals;
    const pattern = sample && toTitlePattern({ ...sample, test: 'is (not) lost with %s' });
    expect('a backup is (not) lost with a hole').toMatch(new RegExp(pattern ?? '^$'));
  });
});
