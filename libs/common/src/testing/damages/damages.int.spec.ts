import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runsEvery } from '#common/testing/representative.js';
import { DAMAGE_TABLES } from './damages.js';
import { firstOfEachProbe } from './seeded-damage.js';

it('there are at least sixty damages, each with a name of its own', () => {
  const names = DAMAGE_TABLES.flatMap(({ kind, damages }) => damages.map(({ name }) => `${kind}: ${name}`));
  expect(names.length).toBeGreaterThanOrEqual(60);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(DAMAGE_TABLES)('a restore of $kind', (table) => {
  let bed: Awaited<ReturnType<typeof table.start>>;
  beforeAll(async () => {
    bed = await table.start();
  }, 120_000);
  afterAll(() => bed?.close());

  it('passes undamaged, by every probe that finds damages', async () => {
    const outcomes = await bed.ask([...new Set(table.damages.map(({ use }) => use))]);
    expect(outcomes.filter(({ verdict }) => verdict !== 'passed')).toEqual([]);
  });

  it.each(runsEvery ? table.damages : firstOfEachProbe(table.damages))('fails by $use: $name', async ({ name }) => {
    const { outcome, problems, expected } = await bed.suffer(name);
    expect(problems).toContainEqual(expect.stringContaining(expected));
    expect(outcome.verdict).toBe('failed');
  });
});
