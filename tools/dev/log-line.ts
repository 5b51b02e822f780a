const shownFields = 160;

/** One line of a service's log for a person: time, who, level if it matters, message, fields. What is no JSON stays as it is. */
export function toReadable(who: string, line: string): string {
  const record = parse(line);
  if (record === undefined) return `${who.padEnd(12)} ${line}`;
  const { time, level, msg, message, service: _, err, error, ...fields } = record;
  const problem = (err ?? error) as { message?: string; code?: string } | string | undefined;
  const why = typeof problem === 'object' ? `${problem.code ?? ''} ${problem.message ?? ''}`.trim() : (problem ?? '');
  const rest = Object.keys(fields).length === 0 ? '' : JSON.stringify(fields).slice(0, shownFields);
  const mark = level === 'info' ? '' : String(level ?? '').toUpperCase();
  const clock = String(time ?? '').slice(11, 19);
  return [clock, who.padEnd(12), mark, String(msg ?? message ?? ''), why, rest].filter((part) => part !== '').join(' ');
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
