import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { measureAgreement } from './agreement.js';
import { type Candidate, chooseMembers } from './choose-members.js';
import { inOrder } from './member-order.js';

const MINUTE = 60_000;
const member = (dataset: string, moments: readonly number[], more: Partial<Candidate> = {}): Candidate => ({
  ...{ dataset, refersTo: [], spans: [] },
  moments: moments.map((minute) => minute * MINUTE),
  ...more,
});
const span = (from: number, to: number) => ({ fromMs: from * MINUTE, toMs: to * MINUTE });

/** In minutes, with ten of skew. */
function choose(candidates: readonly Candidate[], wanted?: number) {
  const o = { wantedMs: wanted === undefined ? undefined : wanted * MINUTE, maxSkewMs: 10 * MINUTE };
  const { chosen, before, after } = chooseMembers(candidates, o);
  const minutes = (found: typeof chosen) =>
    found === undefined
      ? undefined
      : Object.fromEntries([...found.byDataset].map(([dataset, ms]) => [dataset, ms / MINUTE]));
  return { chosen: minutes(chosen), before: minutes(before), after: minutes(after) };
}

describe('the members of a recovery point', () => {
  const shop = (...moments: number[]) => member('shop', moments, { refersTo: ['media'] });

  it('are the newest that are not later than wanted, and what they refer to is not older', () => {
    expect(choose([shop(0, 60, 120), member('media', [2, 63, 121])], 65).chosen).toEqual({ shop: 60, media: 63 });
    expect(choose([shop(0, 60, 120), member('media', [2, 63, 121])]).chosen).toEqual({ shop: 120, media: 121 });
  });

  it('do not mix backups of two moments', () => {
    const { chosen, before } = choose([shop(0, 60), member('media', [2, 58])], 61);
    expect(chosen).toBeUndefined();
    expect(before).toEqual({ shop: 0, media: 2 });
  });

  it('are refused with the nearest possible points where the wanted moment cannot be met', () => {
    const answer = choose([shop(0, 60), member('media', [1, 61])], 30);
    expect(answer).toEqual({ chosen: undefined, before: { shop: 0, media: 1 }, after: { shop: 60, media: 61 } });
    expect(choose([shop(0), member('media', [])])).toEqual({ chosen: undefined, before: undefined, after: undefined });
  });

  it('are exact where archived changes reach every moment', () => {
    const archived = member('shop', [], { refersTo: ['media'], spans: [span(0, 90)] });
    expect(choose([archived, member('media', [33, 70])], 30).chosen).toEqual({ shop: 30, media: 33 });
    expect(choose([archived, member('media', [33, 70])]).chosen).toEqual({ shop: 70, media: 70 });
    const both = [archived, member('media', [], { spans: [span(20, 40), span(60, 80)] })];
    expect(choose(both, 35).chosen).toEqual({ shop: 35, media: 35 });
    expect(choose(both, 45)).toEqual({
      ...{ chosen: { shop: 40, media: 40 }, before: { shop: 40, media: 40 } },
      after: { shop: 50, media: 60 },
    });
  });

  it('give up a newer backup that refers to what is not there yet for an older whole point', () => {
    expect(choose([shop(0, 5), member('media', [3])], 6).chosen).toEqual({ shop: 0, media: 3 });
  });

  it('hold over three stores that refer to each other in a row', () => {
    const search = member('search', [1, 31], { refersTo: ['shop'] });
    expect(choose([member('media', [4, 38]), shop(2, 35), search], 40).chosen).toEqual({
      search: 31,
      shop: 35,
      media: 38,
    });
  });

  it('agree whatever was there, and are the newest of all that do', () => {
    const moments = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 5 });
    fc.assert(
      fc.property(moments, moments, moments, fc.integer({ min: 0, max: 70 }), (one, two, three, wanted) => {
        const all = [shop(...one), member('media', two), member('topics', three)];
        const { chosen, before } = chooseMembers(all, { wantedMs: wanted * MINUTE, maxSkewMs: 10 * MINUTE });
        const toMembers = ([a, b, c]: readonly [number, number, number]) => [
          { ...all[0], dataset: 'shop', refersTo: ['media'], atMs: a * MINUTE },
          { dataset: 'media', refersTo: [], atMs: b * MINUTE },
          { dataset: 'topics', refersTo: [], atMs: c * MINUTE },
        ];
        const possible = one
          .flatMap((a) => two.flatMap((b) => three.map((c) => [a, b, c] as const)))
          .map((each) => measureAgreement(toMembers(each), 10 * MINUTE))
          .filter(({ problems, atMs }) => problems.length === 0 && atMs <= wanted * MINUTE);
        const newest = possible.length === 0 ? undefined : Math.max(...possible.map(({ atMs }) => atMs));
        expect(before?.atMs).toBe(newest);
        expect(chosen === undefined).toBe(newest === undefined || wanted * MINUTE - newest > 10 * MINUTE);
      }),
    );
  });
});

describe('the order of members', () => {
  it('puts what refers to others first', () => {
    const ordered = inOrder([member('media', []), member('shop', [], { refersTo: ['media'] }), member('topics', [])]);
    expect(ordered?.map(({ dataset }) => dataset)).toEqual(['shop', 'media', 'topics']);
  });

  it('is none in a circle', () => {
    expect(inOrder([member('a', [], { refersTo: ['b'] }), member('b', [], { refersTo: ['a'] })])).toBeUndefined();
  });
});

describe('the agreement of members', () => {
  it('says in words what is too far, and what refers to something older', () => {
    const { problems, skewMs } = measureAgreement(
      [
        { dataset: 'shop', refersTo: ['media'], atMs: 60_000 },
        { dataset: 'media', refersTo: [], atMs: 20_000 },
      ],
      30_000,
    );
    expect(skewMs).toBe(40_000);
    expect(problems).toEqual([
      'media is 40 s older than the point, and 30 s are allowed',
      'media is 40 s older than shop, which refers to it and may miss that much',
    ]);
  });
});
