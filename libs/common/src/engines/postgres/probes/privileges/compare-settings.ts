import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';

type Setting = SnapshotFacts['settings'][number];

const HIDDEN = /^sha256:[0-9a-f]{64}$/;

export interface SettingComparison {
  readonly problems: readonly Evidence[];
  /** Secrets, whose values no backup holds: an operator sets them again. */
  readonly withheld: readonly string[];
}

/**
 * `ALTER DATABASE … SET`, or of `ALTER ROLE … IN DATABASE … SET`, of one database: its name may be another one. Settings that roles
 * have everywhere belong to the server.
 */
export function compareSettings(
  expected: readonly Setting[],
  actual: readonly Setting[],
  of: 'database' | 'roles',
): SettingComparison {
  const [before, after] = [toMap(expected, of), toMap(actual, of)];
  const problems: Evidence[] = [];
  const withheld: string[] = [];
  for (const [subject, value] of before) {
    const now = after.get(subject);
    if (HIDDEN.test(value)) withheld.push(...(now === value ? [] : [subject]));
    else if (now === undefined) problems.push({ subject, expected: value, problem: 'is missing' });
    else if (now !== value)
      problems.push({ subject, expected: value, actual: now, problem: 'differs from the backup' });
  }
  for (const [subject, value] of after) {
    if (!before.has(subject)) problems.push({ subject, actual: value, problem: 'is not in the backup' });
  }
  return { problems, withheld };
}

export const toWithheldNotes = ({ withheld }: SettingComparison): string[] =>
  withheld.length === 0 ? [] : [`not compared, because backups withhold secrets: ${withheld.join(', ')}`];

function toMap(settings: readonly Setting[], of: 'database' | 'roles'): Map<string, string> {
  const chosen = settings.filter(({ database, role }) => database !== null && (role === null) === (of === 'database'));
  return new Map(
    chosen.map(({ role, setting }) => {
      const [name = '', ...value] = setting.split('=');
      return [`setting ${name} of ${role === null ? 'the database' : `role ${role}`}`, value.join('=')];
    }),
  );
}
