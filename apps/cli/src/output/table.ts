/** Columns as wide as their widest cell. Empty: says so. */
export function toTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'nothing to show';
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

/** `name  value` lines, aligned. */
export function toFields(fields: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${value}`)
    .join('\n');
}

/** So many names of a list stand on one line of a result, an error or a plan. */
export const NAMES_PER_LINE = 10;
