/** Parts of the calendar that backups are kept for. */
export const Periods = ['day', 'week', 'month', 'year'] as const;
export type Period = (typeof Periods)[number];

/** Names of the periods that an instant falls into, in its time zone: `2026-11-21`, `2026-W47`, `2026-11`, `2026`. */
export function toPeriods(at: Date, zone: string): Readonly<Record<Period, string>> {
  const [year, month, day] = toLocalDate(at, zone);
  const text = (value: number): string => String(value).padStart(2, '0');
  return {
    day: `${year}-${text(month)}-${text(day)}`,
    week: toIsoWeek(year, month, day),
    month: `${year}-${text(month)}`,
    year: String(year),
  };
}

function toLocalDate(at: Date, zone: string): [year: number, month: number, day: number] {
  const parts = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, calendar: 'gregory', numberingSystem: 'latn' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
  }).formatToParts(at);
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return [read('year'), read('month'), read('day')];
}

const DAY_MS = 86_400_000;

/** Weeks begin on Monday and belong to the year of their Thursday. Source: ISO 8601. */
function toIsoWeek(year: number, month: number, day: number): string {
  const midnight = Date.UTC(year, month - 1, day);
  const daysSinceMonday = (new Date(midnight).getUTCDay() + 6) % 7;
  const thursday = new Date(midnight + (3 - daysSinceMonday) * DAY_MS);
  const firstOfYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.floor((thursday.getTime() - firstOfYear) / (7 * DAY_MS)) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
