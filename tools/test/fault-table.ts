import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a fault spec reports of one case; test/faults/support/report.ts writes it. */
export interface FaultRow {
  readonly fault: string;
  readonly step: string;
  readonly outcome: string;
  readonly recoverySeconds: number | null;
}

/** Every row that the specs left in the folder, sorted by fault, in the order in which they came. */
export async function readFaultRows(folder: string): Promise<FaultRow[]> {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return lines
    .map((line) => JSON.parse(line) as FaultRow)
    .sort((a, b) => a.fault.localeCompare(b.fault) || toWork(a).localeCompare(toWork(b)));
}

const toWork = ({ step }: FaultRow): string => step.split(':')[0] ?? '';

/** Fault × step × outcome × seconds until the work was done after all, for people; empty without rows. */
export function toFaultTable(rows: readonly FaultRow[]): string {
  if (rows.length === 0) return '';
  const cells = [
    ['fault', 'step', 'outcome', 'recovery'],
    ...rows.map(({ fault, step, outcome, recoverySeconds }) => [
      ...[fault, step, outcome],
      recoverySeconds === null ? '–' : `${recoverySeconds.toFixed(1)} s`,
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.min(70, Math.max(...cells.map((row) => (row[column] ?? '').length))));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, toRecovery(rows)].join('\n');
}

function toRecovery(rows: readonly FaultRow[]): string {
  const seconds = rows.map((row) => row.recoverySeconds).filter((value) => value !== null);
  const held = rows.filter(({ outcome }) => outcome === 'held').length;
  const sorted = seconds.sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `${held} of ${rows.length} held; recovery ${middle.toFixed(1)} s in the middle, ${(sorted.at(-1) ?? 0).toFixed(1)} s at most`;
}
