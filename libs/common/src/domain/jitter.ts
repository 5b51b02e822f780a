import { createHash } from 'node:crypto';

/** How long after its slot a schedule starts, below `jitterMs`: of schedule and slot alone, so the same in every process. In whole seconds. */
export function toJitterMs(schedule: string, slotAt: Date, jitterMs: number): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([schedule, slotAt.toISOString()]))
    .digest();
  const share = digest.readUInt32BE(0) / 2 ** 32;
  return Math.floor((share * jitterMs) / 1_000) * 1_000;
}
