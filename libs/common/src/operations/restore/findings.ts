import type { Remember, Remembered } from '#common/engines/findings.js';

const NOTHING: Remembered = { findings: {}, doneMark: null, recovered: null };

/** An attempt may not find any more what the one before it has done already; what either of them found was so. */
export function mergeFound(earlier: Partial<Remembered>, later: Partial<Remembered>): Remembered {
  const [before, after] = [earlier.findings ?? {}, later.findings ?? {}];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const both = (name: string): string[] => [...new Set([...(before[name] ?? []), ...(after[name] ?? [])])].sort();
  return {
    findings: Object.fromEntries(names.map((name) => [name, both(name)])),
    doneMark: later.doneMark ?? earlier.doneMark ?? null,
    recovered: later.recovered ?? earlier.recovered ?? null,
  };
}

/** For one who has no catalog: as long as the process lives. */
export function rememberHere(): Remember {
  let known = NOTHING;
  return async (found) => {
    known = mergeFound(known, found);
    return known;
  };
}
