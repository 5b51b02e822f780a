import { describe, expect, it } from '@jest/globals';
import { type Proof, toProof, weighProofs } from './proof.js';
import type { Verdict } from './verdict.js';

type Probes = Readonly<Record<string, Verdict>>;

/** A verdict as a verification reaches it, so many days after the backup. */
function proven(day: number, probes: Probes): Proof {
  const verdicts = Object.values(probes);
  const verdict = verdicts.includes('failed')
    ? 'failed'
    : verdicts.includes('inconclusive')
      ? 'inconclusive'
      : 'passed';
  return toProof({
    ...{ runId: `run-${day}`, provenAt: new Date(Date.UTC(2026, 10, day)), verdict },
    probes: Object.entries(probes).map(([probe, of]) => ({
      ...{ probe, verdict: of },
      evidence: of === 'failed' ? [{ subject: `${probe}.object`, problem: 'differs' }, { subject: 'a fact' }] : [],
    })),
  });
}

const standing = (...proofs: Proof[]) => {
  const { damage, verifiedAt, last } = weighProofs(proofs);
  return {
    damage: damage.map(({ object }) => object),
    verifiedOn: verifiedAt?.getUTCDate() ?? null,
    last: last?.runId,
  };
};

describe('a backup', () => {
  it('is verified by a restore that passed, and by nothing that looked only at sums or at an application', () => {
    expect(standing(proven(1, { checksums: 'passed', 'row-counts': 'passed' }))).toMatchObject({ verifiedOn: 1 });
    expect(standing(proven(1, { checksums: 'passed' }))).toMatchObject({ verifiedOn: null, damage: [] });
    expect(standing(proven(1, { 'archive-list': 'passed', http: 'passed' }))).toMatchObject({ verifiedOn: null });
    expect(standing(proven(1, { sql: 'passed', http: 'failed' }))).toMatchObject({ verifiedOn: null });
  });

  it('has nothing against it when a restored database differs, however late', () => {
    const differs = proven(3, { checksums: 'passed', 'row-counts': 'failed' });
    expect(standing(proven(1, { 'row-counts': 'passed' }), differs)).toEqual({
      ...{ damage: [], verifiedOn: 1, last: 'run-3' },
    });
  });

  it('is neither good nor verified once its own objects fail, whatever passed before, in whatever order the verdicts come', () => {
    const passed = proven(1, { checksums: 'passed', 'row-counts': 'passed' });
    const failed = proven(2, { checksums: 'failed' });
    for (const proofs of [
      [passed, failed],
      [failed, passed],
    ])
      expect(standing(...proofs)).toEqual({ damage: ['checksums.object'], verifiedOn: null, last: 'run-2' });
  });

  it('stays failed whatever other probes say later, and what could not look decides nothing', () => {
    const failed = proven(1, { 'archive-list': 'failed' });
    const later = [proven(2, { checksums: 'passed' }), proven(3, { 'archive-list': 'inconclusive' })];
    expect(standing(failed, ...later).damage).toEqual(['archive-list.object']);
  });

  it('is good again when the same probe passes later, with the restore that was proven before', () => {
    const passed = proven(1, { sql: 'passed' });
    const proofs = [passed, proven(2, { checksums: 'failed' }), proven(3, { checksums: 'passed' })];
    expect(standing(...proofs)).toEqual({ damage: [], verifiedOn: 1, last: 'run-3' });
  });

  it('is not verified by a database that is equal beside objects that are not', () => {
    const both = proven(1, { checksums: 'failed', 'row-counts': 'passed' });
    const repaired = proven(2, { checksums: 'passed' });
    expect(standing(both, repaired)).toMatchObject({ damage: [], verifiedOn: null });
  });
});
