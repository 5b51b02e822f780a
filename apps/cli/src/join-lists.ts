import type { ListedBackupView } from '#common/contracts/api-views.js';

export interface TwoLists {
  readonly stored: readonly ListedBackupView[];
  /** Repositories that told what they hold. */
  readonly asked: ReadonlySet<string>;
  /** By the catalog; undefined: it was not asked. */
  readonly known: readonly ListedBackupView[] | undefined;
}

const GONE = {
  object: 'manifest.json',
  problem: 'is missing: the catalog names the backup, and the repository does not hold it',
};

/**
 * The repositories are the truth about what is there, and the catalog may know verdicts that no repository took. What only the catalog
 * names is lost; unless its repository could not be asked, or is one of those that are older than the list is long. Newest first.
 */
export function joinLists({ stored, asked, known }: TwoLists): readonly ListedBackupView[] {
  if (known === undefined) return stored;
  const byKey = new Map(known.map((backup) => [keyOf(backup), backup]));
  const joined = stored.map((backup) => join(backup, byKey.get(keyOf(backup))));
  const oldest = new Map<string, string>();
  for (const { dataset, id } of stored) if (id < (oldest.get(dataset) ?? 'g')) oldest.set(dataset, id);
  const there = new Set(stored.map(keyOf));
  const others = known
    .filter((backup) => !there.has(keyOf(backup)))
    .filter(({ repository, dataset, id }) => !asked.has(repository) || id > (oldest.get(dataset) ?? ''))
    .map((backup): ListedBackupView => {
      if (!asked.has(backup.repository)) return backup;
      return { ...backup, state: 'damaged', damage: [GONE], verifiedAt: null };
    });
  return [...joined, ...others].sort((a, b) => (a.id < b.id ? 1 : -1));
}

const keyOf = ({ id, repository }: ListedBackupView): string => `${id} ${repository}`;

function join(backup: ListedBackupView, known: ListedBackupView | undefined): ListedBackupView {
  if (known === undefined) return { ...backup, isInCatalog: false };
  const isNewer = (known.lastVerdict?.provenAt ?? '') > (backup.lastVerdict?.provenAt ?? '');
  const { lastVerdict, verifiedAt, state, damage } = isNewer && backup.state === 'whole' ? known : backup;
  return { ...backup, lastVerdict, verifiedAt, state, damage, isInCatalog: true };
}
