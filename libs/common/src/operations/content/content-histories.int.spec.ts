import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Manifest } from '#common/contracts/manifest.js';
import { contentKey } from '#common/repository/layout.js';
import { ContentTestBed } from '#common/testing/content-test-bed.js';
import { eachStorage } from '#common/testing/each-storage.js';
import { runsEvery } from '#common/testing/representative.js';
import { treeOf } from '#common/testing/tree-engine.js';
import { readReferences } from './references.js';

const { signal } = new AbortController();
const [[, openFiles]] = eachStorage as [(typeof eachStorage)[number]];

type Files = Record<string, string>;
type Step =
  | { readonly kind: 'begin'; readonly files: Files }
  | { readonly kind: 'finish' | 'fail' | 'expire'; readonly which: number }
  | { readonly kind: 'sweep' };

const files = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('0', '1', '2', '3', '4', '5'));
const which = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('begin' as const), files }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('finish' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('expire' as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
);

interface Running {
  readonly files: Files;
  readonly gate: PromiseWithResolvers<void>;
  readonly done: Promise<Manifest>;
}

/** Backups that begin, overlap, end and expire in any order, holds or not, with sweeps in between. */
class History {
  private readonly running: Running[] = [];
  private readonly kept: { readonly files: Files; readonly manifest: Manifest }[] = [];

  constructor(private readonly bed: ContentTestBed) {}

  async play(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.take(each);
    while (this.running.length > 0) await this.end(0, false);
    await this.check();
    expect(await this.bed.sweep()).toMatchObject({ state: expect.stringMatching(/^(swept|unused)$/) });
    await this.check();
    expect(await this.bed.contents()).toEqual(await this.needed());
  }

  async tidy(): Promise<void> {
    for (const { manifest } of this.kept.splice(0)) await this.bed.expire(manifest);
    await this.bed.sweep();
    expect(await this.bed.contents()).toEqual([]);
  }

  private async take(step: Step): Promise<void> {
    if (step.kind === 'begin') return this.begin(step.files);
    if (step.kind === 'sweep') {
      await this.bed.sweep();
      return this.check();
    }
    if (step.kind === 'expire') {
      const [gone] = this.kept.splice(step.which % (this.kept.length || 1), 1);
      if (gone !== undefined) await this.bed.expire(gone.manifest);
    } else if (this.running.length > 0) await this.end(step.which % this.running.length, step.kind === 'fail');
  }

  /** Returns when everything of it is stored but its inventory, references and manifest. */
  private async begin(content: Files): Promise<void> {
    const gate = Promise.withResolvers<void>();
    const listed = Promise.withResolvers<void>();
    const onListed = (): Promise<void> => {
      listed.resolve();
      return gate.promise;
    };
    const done = this.bed.back(treeOf(content, { onListed }));
    done.catch(() => undefined);
    await Promise.race([listed.promise, done]);
    this.running.push({ files: content, gate, done });
  }

  private async end(index: number, isFailure: boolean): Promise<void> {
    const [ended] = this.running.splice(index, 1);
    if (ended === undefined) return;
    if (isFailure) ended.gate.reject(new Error('the source died'));
    else ended.gate.resolve();
    const manifest = await ended.done.catch(() => undefined);
    if (manifest !== undefined) this.kept.push({ files: ended.files, manifest });
    else expect(isFailure).toBe(true);
  }

  private async check(): Promise<void> {
    for (const { files: content, manifest } of this.kept) expect(await this.bed.restore(manifest)).toEqual(content);
  }

  private async needed(): Promise<string[]> {
    const keys = new Set<string>();
    for (const { manifest } of this.kept)
      for await (const { name } of readReferences(manifest, this.bed.repository, { signal }))
        keys.add(contentKey('media', name));
    return [...keys].sort();
  }
}

describe('any history of backups, expiries and sweeps', () => {
  let bed: ContentTestBed;
  beforeAll(async () => {
    bed = await ContentTestBed.make(openFiles);
  });
  afterAll(() => bed.dispose());

  it('loses no content that a kept backup refers to, and leaves none that nothing refers to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const history = new History(bed);
        try {
          await history.play(steps);
        } finally {
          await history.tidy();
        }
      }),
      { numRuns: runsEvery ? 50 : 8, interruptAfterTimeLimit: 100_000 },
    );
  }, 120_000);
});
