/** How much is in one backup, by what its manifest says in the open. */
export interface BackupExtent {
  /** As the source counts. */
  readonly sourceSizeBytes: number;
  /** null: of a backup that relies on what earlier ones stored, for that says nothing. */
  readonly storedBytes: number | null;
  readonly counts: Readonly<Record<string, number>>;
}

/** Less than this part of what is usual was more likely lost than tidied. */
const SMALL_PART = 0.5;
/** Of less than so many half come and go. */
const COUNTED_FROM = 10;
const MIB = 1024 * 1024;
/** What does not compress any more takes more than so many times its room, and its source is as large as before. */
const SWOLLEN = 2;
const SAME_SIZE = 0.25;

/**
 * Why a backup is unlike those before it, which are the newest good ones by its method; empty: it is not. `varying` are counts that come and go by
 * themselves. What is usual is the median, so that neither one odd backup nor a slow growth decides.
 */
export function findSuspicion(
  now: BackupExtent,
  earlier: readonly BackupExtent[],
  varying: readonly string[] = [],
): string[] {
  if (earlier.length === 0) return [];
  const names = Object.keys(now.counts).filter((name) => !varying.includes(name));
  const sizes = earlier.map(({ sourceSizeBytes }) => sourceSizeBytes);
  return [
    ...names.flatMap((name) => findFewer(name, now.counts[name] ?? 0, earlier)),
    ...findSmaller(now.sourceSizeBytes, median(sizes)),
    ...findSwollen(now, earlier),
  ];
}

function findFewer(name: string, count: number, earlier: readonly BackupExtent[]): string[] {
  const usual = median(earlier.flatMap(({ counts }) => (counts[name] === undefined ? [] : [counts[name]])));
  return usual >= COUNTED_FROM && count < usual * SMALL_PART ? [`${count} ${name}, where ${usual} are usual`] : [];
}

const findSmaller = (bytes: number, usual: number): string[] =>
  usual >= MIB && bytes < usual * SMALL_PART ? [`its source has ${bytes} bytes, where ${usual} are usual`] : [];

/** Encrypted content does not compress. */
function findSwollen(now: BackupExtent, earlier: readonly BackupExtent[]): string[] {
  const alike = earlier.filter(({ storedBytes }) => storedBytes !== null);
  if (now.storedBytes === null || alike.length === 0) return [];
  const usual = median(alike.map(({ storedBytes }) => storedBytes ?? 0));
  const source = median(alike.map(({ sourceSizeBytes }) => sourceSizeBytes));
  const isAsLarge = Math.abs(now.sourceSizeBytes - source) <= source * SAME_SIZE;
  if (usual < MIB || !isAsLarge || now.storedBytes <= usual * SWOLLEN) return [];
  return [
    `it takes ${now.storedBytes} bytes, where ${usual} are usual for a source of that size: its content does not compress`,
  ];
}

/** The upper one of two in the middle; 0 of none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
