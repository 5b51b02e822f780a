import { readFileSync } from 'node:fs';

/** The kernel counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export interface ProcessLoad {
  readonly ownSeconds: number;
  /** Of children that have ended: pg_dump, zstd. */
  readonly childSeconds: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

/** What one process has used since it was started. */
export function readProcessLoad(pid: number): ProcessLoad {
  // The second field, the program's name, may hold spaces; it ends at the last parenthesis.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const ticks = (index: number): number => Number(fields[index]);
  return {
    ownSeconds: (ticks(11) + ticks(12)) / TICKS_PER_SECOND,
    childSeconds: (ticks(13) + ticks(14)) / TICKS_PER_SECOND,
    residentBytes: readMemory(pid, 'VmRSS'),
    peakBytes: readMemory(pid, 'VmHWM'),
  };
}

/** The processor time of a process and of what it brought about, in between. */
export const since = (before: ProcessLoad, now: ProcessLoad): ProcessLoad => ({
  ...now,
  ownSeconds: now.ownSeconds - before.ownSeconds,
  childSeconds: now.childSeconds - before.childSeconds,
});

function readMemory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
