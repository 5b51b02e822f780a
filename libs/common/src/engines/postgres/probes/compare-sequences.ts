import type { z } from 'zod';
import type { SequenceFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';

type Sequence = z.infer<typeof SequenceFacts>;

/** A sequence behind its backup hands out keys that exist; one ahead was used after the restore. */
export function compareSequences(expected: readonly Sequence[], actual: readonly Sequence[]): Evidence[] {
  const found = new Map(actual.map((sequence) => [sequence.name, sequence]));
  return expected.flatMap((sequence): Evidence[] => {
    const other = found.get(sequence.name);
    const base = { subject: sequence.name, expected: toText(sequence) };
    if (other === undefined) return [{ ...base, problem: 'the sequence is missing' }];
    const problem = toProblem(sequence, other);
    return problem === undefined ? [] : [{ ...base, actual: toText(other), problem }];
  });
}

function toProblem(expected: Sequence, actual: Sequence): string | undefined {
  const { lastValue, lastValueAtEnd } = expected;
  if (lastValueAtEnd === undefined) {
    if (actual.lastValue !== lastValue) return toDistance(BigInt(actual.lastValue) - BigInt(lastValue));
    return actual.isCalled === expected.isCalled ? undefined : 'gives another next value';
  }
  // It was used while the dump ran, upwards or downwards: what the dump read lies between.
  const [low, high] = [BigInt(lastValue), BigInt(lastValueAtEnd)].sort((a, b) => (a < b ? -1 : 1)) as [bigint, bigint];
  const value = BigInt(actual.lastValue);
  if (value < low) return toDistance(value - low);
  return value > high ? toDistance(value - high) : undefined;
}

const toDistance = (distance: bigint): string =>
  distance < 0n ? 'stands behind the backup' : 'stands ahead of the backup';

const toText = ({ lastValue, lastValueAtEnd, isCalled }: Sequence): string => {
  if (lastValueAtEnd !== undefined) return `${lastValue} … ${lastValueAtEnd}`;
  return isCalled ? lastValue : `${lastValue}, not called yet`;
};
