export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const [below = Number.NaN, above = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? above : (below + above) / 2;
}

/** Columns as wide as their widest cell, right-aligned save for the first. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join('  ').trimEnd());
  }
}

export const toMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Thousands in groups, so that 12,345 is not read as 123,45. */
export const toFixed = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Two rows: what was asked, and its value. */
export const printFields = (fields: Readonly<Record<string, string>>): void =>
  printTable(Object.entries(fields).map(([name, value]) => [name, value]));
