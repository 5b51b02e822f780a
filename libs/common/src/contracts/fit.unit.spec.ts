import { describe, expect, it } from '@jest/globals';
import { largestData } from '#common/testing/largest-data.js';
import type { EventDefinition } from './define-event.js';
import { events } from './event-list.js';
import { BackupCompleted } from './events/backup-completed.event.js';
import { BackupFailed } from './events/backup-failed.event.js';
import { ReplayCompleted } from './events/replay-completed.event.js';
import { RestoreCompleted } from './events/restore-completed.event.js';
import { VerificationCompleted } from './events/verification-completed.event.js';

/** What brokers take by default, less some kilobytes for key and headers. */
const BUS_LIMIT = 1_048_588 - 16 * 1024;
const origin = { id: 'e-1', source: '/spec', time: new Date('2026-11-21T10:00:00Z') };

const facts = events
  .filter(({ type }) => !type.endsWith('requested'))
  .map((event) => [event.type, event as unknown as EventDefinition] as const);

const largestOf = <D>(definition: D) => largestData(definition as unknown as EventDefinition);

describe('facts', () => {
  it.each(facts)('stay below the bus’s limit whatever a run found: %s', (_, fact) => {
    const { data } = fact.create(largestData(fact), origin);
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(BUS_LIMIT);
  });

  it('say how many names there are where they tell only the first', () => {
    const newerObjects = Array.from({ length: 17_000 }, (_, n) => `public.a_table_with_quite_a_long_name_${n}`);
    const [harmlessErrors, createdRoles, droppedObjects] = [[], ['a'], ['public.b']];
    const findings = { harmlessErrors, createdRoles, newerObjects, droppedObjects };
    const { data } = RestoreCompleted.create({ ...(largestOf(RestoreCompleted) as object), findings } as never, origin);
    expect(data.findings['newerObjects']).toEqual(newerObjects.slice(0, 100));
    expect(data.totals).toEqual({ newerObjects: 17_000 });
    expect(data.findings).toMatchObject({ createdRoles, droppedObjects });
  });

  it('say how many warnings a backup has where they tell only the first', () => {
    const warnings = Array.from({ length: 900 }, (_, n) => `function f${n} names ${'items '.repeat(40)}`);
    const { totals: _, ...whole } = largestOf(BackupCompleted) as { totals: unknown };
    const { data } = BackupCompleted.create({ ...whole, warnings } as never, origin);
    expect(data.warnings).toEqual(warnings.slice(0, data.warnings?.length));
    expect(data.warnings?.length).toBeLessThan(900);
    expect(data.totals).toEqual({ warnings: 900 });
    const { data: short } = BackupCompleted.create({ ...whole, warnings: warnings.slice(0, 2) } as never, origin);
    expect(short).not.toHaveProperty('totals');
  });

  it('say nothing of totals where they tell all', () => {
    const findings = { harmlessErrors: [], createdRoles: ['a'] };
    const { totals: _, ...whole } = { ...(largestOf(RestoreCompleted) as { totals: unknown }), findings };
    expect(RestoreCompleted.create(whole as never, origin).data).not.toHaveProperty('totals');
  });

  it('tell the partitions with gaps before all others, and how many there are', () => {
    const { partitions, ...data } = largestOf(ReplayCompleted) as { partitions: { gap: unknown }[] };
    const many = partitions.map((each, n) => ({ ...each, gap: n % 1_000 === 999 ? each.gap : null }));
    const { data: told } = ReplayCompleted.create({ ...data, partitions: many } as never, origin);
    expect(told.partitionsTotal).toBe(3_000);
    expect(told.partitions.findIndex(({ gap }) => gap === null)).toBe(3);
  });

  it('tell evidence of every probe, and how much there is', () => {
    const { probes, ...data } = largestOf(VerificationCompleted) as { probes: { evidence: unknown[] }[] };
    const three = probes.slice(0, 3);
    const { data: told } = VerificationCompleted.create({ ...data, probes: three } as never, origin);
    expect(told.probes.map(({ evidence }) => evidence.length > 0)).toEqual([true, true, true]);
    expect(told.probes[0]?.evidenceTotal).toBe(three[0]?.evidence.length);
  });

  it('keep the small part of a context beside the large', () => {
    const { error } = BackupFailed.create(largestOf(BackupFailed), origin).data;
    expect(error.context).toMatchObject({ code: 1, tables: expect.stringContaining('too large') });
    expect(error.context['errors']).not.toHaveLength(0);
  });
});
