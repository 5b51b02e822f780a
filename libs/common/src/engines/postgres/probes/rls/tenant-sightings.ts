import type { SeenRows } from '#common/contracts/tenant-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import type { RowCounts, Sighting } from '#common/engines/postgres/tenants/sight.js';
import type { EvidenceLog } from '#common/probes/evidence.js';
import type { SeenRecord } from './seen-record.js';

export interface BehaviourLog {
  readonly problems: EvidenceLog;
  readonly unclear: EvidenceLog;
  /** Relations that the role may not read: nothing was shown about them. */
  readonly unreadable: Set<string>;
  trials: number;
}

export interface Judgement {
  readonly role: string;
  readonly record: SeenRecord;
  readonly privileges: 'keep' | 'drop';
  readonly log: BehaviourLog;
}

/**
 * Holds one look at the restored database against the record of the same look at the source. Where there is none, no tenant may see rows of
 * another one, and without a tenant no row may show.
 */
export function judgeSighting({ relation: { label }, tenant, sight }: Sighting, o: Judgement): void {
  const { log, record } = o;
  const before = record.find(label, tenant);
  const subject = `${label} ${toWho(tenant)}`;
  if ('isDenied' in sight) {
    log.unreadable.add(label);
    // Where privileges are dropped, the role has none.
    if (before !== undefined && o.privileges === 'keep')
      log.problems.add({ subject, problem: `${o.role} may no longer read it` });
    return;
  }
  if ('error' in sight) {
    const evidence = { subject, problem: `cannot be read: ${sight.error}` };
    if (before !== undefined) log.problems.add(evidence);
    // A policy that raises an error where no tenant is set shows nothing either.
    else if (tenant && !record.wasUnseen(label)) log.unclear.add(evidence);
    return;
  }
  log.trials += 1;
  if (before !== undefined) log.problems.add(...compareCounts(subject, before, sight));
  else if (record.wasUnreadable(label) && o.privileges === 'keep')
    log.problems.add({ subject, problem: `${o.role} may read it, and could not` });
  else log.problems.add(...judgeIsolation(subject, tenant, sight));
}

const toWho = (tenant: string | null): string =>
  tenant === null ? 'without a tenant' : tenant === '' ? 'with an empty tenant' : `as tenant ${tenant}`;

const PROBLEMS: readonly [keyof RowCounts, string, string][] = [
  ['others', 'rows of other tenants are visible', 'fewer rows of other tenants are visible than before'],
  ['own', 'more of its own rows are visible than before', 'not all of its own rows are visible'],
  ['unowned', 'more rows of no tenant are visible than before', 'not all rows of no tenant are visible'],
];

function compareCounts(subject: string, before: SeenRows, after: RowCounts): Evidence[] {
  return PROBLEMS.flatMap(([count, more, fewer]): Evidence[] => {
    const [expected, actual] = [before[count], after[count]];
    return expected === actual ? [] : [{ subject, expected, actual, problem: actual > expected ? more : fewer }];
  });
}

function judgeIsolation(subject: string, tenant: string | null, { own, others }: RowCounts): Evidence[] {
  if (tenant) {
    const problem = 'rows of other tenants are visible';
    return others > 0 ? [{ subject, expected: 0, actual: others, problem }] : [];
  }
  return own + others > 0 ? [{ subject, expected: 0, actual: own + others, problem: 'rows are visible' }] : [];
}
