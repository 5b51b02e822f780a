import { decideVerdict, type ProbeOutcome, type Verdict } from './verdict.js';

/**
 * What probes look at, where that is not the restored database. Only the first two say anything about the backup itself, and an
 * application may answer whatever database stands behind it.
 */
const LOOKS_AT: Readonly<Record<string, 'objects' | 'application'>> = {
  checksums: 'objects',
  'archive-list': 'objects',
  http: 'application',
};

/** A probe that says something of the restored database. */
export const looksAtDatabase = (probe: string): boolean => LOOKS_AT[probe] === undefined;

/** What is wrong with one object of a backup. */
export interface Damage {
  /** As the manifest names it: `database.dump.zst`. */
  readonly object: string;
  /** `is missing`, `has 12 bytes instead of 40`, `the content differs`. */
  readonly problem: string;
}

/** What one probe that read the backup's own objects concluded. */
export interface ObjectProof {
  readonly probe: string;
  readonly verdict: Verdict;
  readonly damage: readonly Damage[];
}

/** What one verdict proves, split: of the backup's own objects, and of a database that was restored from them. */
export interface Proof {
  readonly runId: string;
  readonly provenAt: Date;
  readonly verdict: Verdict;
  readonly objects: readonly ObjectProof[];
  /** Of the restored database; null: no probe looked at one. */
  readonly restore: Verdict | null;
}

/** Where a backup stands after all of its proofs. */
export interface Standing {
  /** What its objects failed by. Empty: nothing is known against them. */
  readonly damage: readonly Damage[];
  /** When a restore of it last passed; null also when its objects have failed since. */
  readonly verifiedAt: Date | null;
  /** The newest. */
  readonly last: Proof | undefined;
}

export interface Judged {
  readonly runId: string;
  readonly provenAt: Date;
  readonly verdict: Verdict;
  readonly probes: readonly Pick<ProbeOutcome, 'probe' | 'verdict' | 'evidence'>[];
}

/** A database that differs says nothing against the backup, and sums that are right nothing of a restore. */
export function toProof({ runId, provenAt, verdict, probes }: Judged): Proof {
  const ofObjects = probes.filter(({ probe }) => LOOKS_AT[probe] === 'objects');
  const others = probes.filter(({ probe }) => LOOKS_AT[probe] !== 'objects');
  const hasLooked = others.some(({ probe }) => looksAtDatabase(probe));
  const restored = decideVerdict(others);
  // Broken objects beside an equal database: it was not restored from what lies there now.
  const restore = restored === 'passed' && verdict !== 'passed' ? 'inconclusive' : restored;
  return { runId, provenAt, verdict, objects: ofObjects.map(toObjectProof), restore: hasLooked ? restore : null };
}

const toObjectProof = ({ probe, verdict, evidence }: Judged['probes'][number]): ObjectProof => ({
  probe,
  verdict,
  damage: verdict === 'failed' ? evidence.flatMap(toDamage) : [],
});

const toDamage = ({ subject, problem }: ProbeOutcome['evidence'][number]): Damage[] =>
  problem === undefined ? [] : [{ object: subject, problem }];

/**
 * Of each probe that reads objects the newest decision counts: a later failure outweighs an earlier pass, and objects that were brought
 * back are good again when the same probe says so. What could not look decides nothing.
 */
export function weighProofs(proofs: readonly Proof[]): Standing {
  const newestFirst = [...proofs].sort(byNewest);
  const decided = new Map<string, ObjectProof>();
  for (const proof of newestFirst.flatMap(({ objects }) => objects))
    if (proof.verdict !== 'inconclusive' && !decided.has(proof.probe)) decided.set(proof.probe, proof);
  const failed = [...decided.values()].filter(({ verdict }) => verdict === 'failed');
  const verified = newestFirst.find(({ restore }) => restore === 'passed');
  return {
    damage: failed.flatMap(({ probe, damage }) =>
      damage.length > 0 ? damage : [{ object: probe, problem: 'failed' }],
    ),
    verifiedAt: failed.length > 0 ? null : (verified?.provenAt ?? null),
    last: newestFirst[0],
  };
}

const byNewest = (a: Proof, b: Proof): number =>
  b.provenAt.getTime() - a.provenAt.getTime() || (a.runId < b.runId ? 1 : -1);

/** `database.dump.zst is missing; globals.sql.zst has 1 bytes instead of 40` */
export const toDamageText = (damage: readonly Damage[]): string =>
  damage.map(({ object, problem }) => `${object}: ${problem}`).join('; ');
