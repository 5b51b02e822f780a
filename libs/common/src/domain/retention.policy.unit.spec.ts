import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration } from './duration.js';
import { decideRetention, type RetainedBackup, type RetentionPolicy } from './retention.policy.js';

const folder = join(process.cwd(), 'test/golden/retention');

/** One case as it stands in its file: readable first, so durations are texts and what is usual is left out. */
interface Golden {
  readonly title: string;
  readonly now: string;
  readonly failing?: readonly string[];
  readonly policy: Omit<Partial<RetentionPolicy>, 'withinMs' | 'safetyWithinMs'> & {
    readonly within?: string;
    readonly safetyWithin?: string;
  };
  readonly backups: readonly (Partial<RetainedBackup> & { readonly id: string; readonly at: string })[];
  /** `id kept: reason; reason`, newest first. */
  readonly expected: readonly string[];
}

const goldens = readdirSync(folder)
  .sort()
  .map((name): [string, Golden] => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Golden]);

const toPolicy = ({ within, safetyWithin, ...policy }: Golden['policy']): RetentionPolicy => ({
  ...{ zone: 'UTC', minimumGood: 0 },
  ...policy,
  withinMs: within === undefined ? undefined : parseDuration(within),
  safetyWithinMs: safetyWithin === undefined ? undefined : parseDuration(safetyWithin),
});

const toBackup = ({ at, ...backup }: Golden['backups'][number]): RetainedBackup => ({
  ...{ method: 'dump', purpose: 'regular', isVerified: false, isDamaged: false, asked: null, holds: [], needs: [] },
  ...{ rollsForward: false, givenUpAs: null },
  ...backup,
  takenAt: new Date(at),
});

describe('retention', () => {
  it.each(goldens)('%s', (_, { now, failing = [], policy, backups, expected }) => {
    const plan = decideRetention(backups.map(toBackup), toPolicy(policy), new Date(now), { failing });
    const lines = plan.decisions.map(
      ({ id, isKept, reasons }) => `${id} ${isKept ? 'kept' : 'expired'}: ${reasons.join('; ')}`,
    );
    expect(lines).toEqual(expected);
    expect(plan.refusals.map(({ method }) => method)).toEqual(failing);
  });

  it('has a case for every rule', () => {
    expect(goldens.length).toBeGreaterThanOrEqual(20);
  });
});

const NOW = new Date('2026-11-21T12:00:00Z');
const DAY_MS = 86_400_000;
const count = () => fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined });
const duration = () => fc.option(fc.integer({ min: 1, max: 60 * DAY_MS }), { nil: undefined });

const policies = (): fc.Arbitrary<RetentionPolicy> =>
  fc.record({
    ...{ withinMs: duration(), safetyWithinMs: duration() },
    ...{ last: count(), day: count(), week: count(), month: count(), year: count() },
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia'),
    minimumGood: fc.integer({ min: 0, max: 5 }),
  });

const backupLists = (): fc.Arbitrary<RetainedBackup[]> =>
  fc
    .array(
      fc.record({
        method: fc.constantFrom('dump', 'dump', 'base'),
        rollsForward: fc.boolean(),
        givenUpAs: fc.constantFrom(null, null, null, null, 'failed' as const),
        purpose: fc.constantFrom('regular' as const, 'regular' as const, 'safety' as const),
        takenAt: fc.integer({ min: -2 * DAY_MS, max: 400 * DAY_MS }).map((age) => new Date(NOW.getTime() - age)),
        isVerified: fc.boolean(),
        isDamaged: fc.constantFrom(false, false, true),
        asked: fc.constant(null),
        holds: fc.constantFrom([], [], [], ['audit']),
        needs: fc.constantFrom([], [], ['0'], ['1']),
      }),
      { maxLength: 30 },
    )
    .map((list) =>
      list.map((backup, index) => ({
        ...backup,
        id: String(index),
        isVerified: backup.isVerified && !backup.isDamaged,
      })),
    );

const keptBy = (backups: readonly RetainedBackup[], policy: RetentionPolicy): Set<string> => {
  const { decisions } = decideRetention(backups, policy, NOW);
  return new Set(decisions.filter(({ isKept }) => isKept).map(({ id }) => id));
};

const isGood = ({ purpose, takenAt, isDamaged, givenUpAs }: RetainedBackup): boolean =>
  purpose === 'regular' && takenAt <= NOW && !isDamaged && givenUpAs === null;

const METHODS = ['dump', 'base'];

describe('whatever the backups and the policy', () => {
  it('lets nothing go by itself while one backup is suspicious, by whatever method', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const suspicious = [{ id: '0', reasons: ['0 rows, where 5000 are usual'] }];
        const { decisions, refusals } = decideRetention(backups, policy, NOW, { failing: [], suspicious });
        const gone = decisions.filter(({ isKept }) => !isKept).map(({ id }) => id);
        const isOpen = ({ asked }: RetainedBackup) => asked === null;
        expect(backups.filter((backup) => isOpen(backup) && gone.includes(backup.id))).toEqual([]);
        expect(new Set(refusals.map(({ method }) => method))).toEqual(new Set(backups.map(({ method }) => method)));
      }),
    );
  });

  it('never leaves fewer good backups of a method than the minimum, if there were so many', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const kept = keptBy(backups, policy);
        for (const method of METHODS) {
          const good = backups.filter((backup) => backup.method === method && isGood(backup));
          const left = good.filter(({ id }) => kept.has(id)).length;
          expect(left).toBeGreaterThanOrEqual(Math.min(policy.minimumGood, good.length));
        }
      }),
    );
  });

  it('never expires anything because of one more hold', () => {
    fc.assert(
      fc.property(backupLists(), policies(), fc.nat(), (backups, policy, at) => {
        const before = keptBy(backups, policy);
        const held = backups.map((backup, index) =>
          index === at % backups.length ? { ...backup, holds: ['one more'] } : backup,
        );
        const after = keptBy(held, policy);
        expect([...before].filter((id) => !after.has(id))).toEqual([]);
      }),
    );
  });

  it('expires no good backup because of damaged ones, and no damaged one sooner than a good one', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const alone = backups.map((backup) => ({ ...backup, needs: [] }));
        const kept = keptBy(alone, policy);
        const good = alone.filter(({ isDamaged }) => !isDamaged);
        for (const id of keptBy(good, policy)) expect(kept).toContain(id);
        const asIfGood = keptBy(
          alone.map((backup) => ({ ...backup, isDamaged: false })),
          policy,
        );
        for (const { id, isDamaged } of alone) if (isDamaged && asIfGood.has(id)) expect(kept).toContain(id);
      }),
    );
  });

  it('keeps a good backup of each method whatever operators ask for once, and whatever they ask for expires no other', () => {
    fc.assert(
      fc.property(backupLists(), policies(), fc.subarray(METHODS), (backups, policy, failing) => {
        const asked = { by: 'ops', evenLastGood: false };
        const all = backups.map((backup) => ({ ...backup, holds: [], needs: [], asked }));
        const { decisions } = decideRetention(all, policy, NOW, { failing });
        const kept = decisions.filter(({ isKept }) => isKept).map(({ id }) => id);
        for (const method of METHODS) {
          const good = all.filter((backup) => backup.method === method && isGood(backup));
          expect(good.filter(({ id }) => kept.includes(id))).toHaveLength(Math.min(1, good.length));
        }
        const [first, ...rest] = backups.map((backup) => ({ ...backup, needs: [] }));
        if (first === undefined) return;
        const before = keptBy([first, ...rest], policy);
        const after = keptBy([{ ...first, asked: { ...asked, evenLastGood: true } }, ...rest], policy);
        expect(rest.filter(({ id }) => before.has(id) && !after.has(id))).toEqual([]);
      }),
    );
  });

  it('keeps the last verified backup of each method, and what kept ones need', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const kept = keptBy(backups, policy);
        const good = backups.filter(isGood).sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime());
        for (const method of METHODS) {
          const verified = good.find((backup) => backup.method === method && backup.isVerified);
          if (verified !== undefined) expect(kept.has(verified.id)).toBe(true);
        }
        const known = new Set(backups.map(({ id }) => id));
        for (const { id, needs } of backups)
          if (kept.has(id)) expect(needs.filter((need) => known.has(need) && !kept.has(need))).toEqual([]);
      }),
    );
  });

  it('the plan is the same in whatever order the backups come', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const plan = decideRetention(backups, policy, NOW);
        expect(decideRetention(backups.toReversed(), policy, NOW)).toEqual(plan);
      }),
    );
  });

  it('decides of each method as if there were no other, but for what others need', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const alone = backups.map((backup) => ({ ...backup, needs: [] }));
        const kept = keptBy(alone, policy);
        for (const method of METHODS) {
          const own = alone.filter((backup) => backup.method === method);
          expect(keptBy(own, policy)).toEqual(new Set(own.map(({ id }) => id).filter((id) => kept.has(id))));
        }
      }),
    );
  });

  it('expires nothing while backups fail', () => {
    fc.assert(
      fc.property(backupLists(), policies(), (backups, policy) => {
        const { decisions } = decideRetention(backups, policy, NOW, { failing: METHODS });
        expect(decisions.every(({ isKept }) => isKept)).toBe(true);
      }),
    );
  });
});
