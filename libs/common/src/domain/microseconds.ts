/** An instant in UTC with microseconds, the precision of PostgreSQL's clock: such texts sort by time. Takes any that `Date` reads. */
export function toMicroseconds(instant: string): string {
  const [, digits = ''] = /[.](\d+)/.exec(instant) ?? [];
  const seconds = new Date(instant.replace(/[.]\d+/, '')).toISOString().slice(0, 19);
  return `${seconds}.${digits.slice(0, 6).padEnd(6, '0')}Z`;
}

/** A microsecond earlier. */
export function justBefore(instant: string): string {
  const at = toMicroseconds(instant);
  const micros = BigInt(Date.parse(`${at.slice(0, 19)}Z`)) * 1_000n + BigInt(at.slice(20, -1)) - 1n;
  const seconds = new Date(Number(micros / 1_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, '0')}Z`;
}
