import { matchesPattern } from '#common/domain/pattern.js';
import { AppError } from '#common/errors/app-error.js';
import type { IndexView, MeilisearchClient } from './meilisearch-client.js';
import type { MeilisearchDataset } from './meilisearch-dataset.js';

/** Indexes that a restore works with and takes away again: no pattern means them. */
export const OWN_PREFIX = 'holdfast-';

export interface PickedIndex {
  /** As the dataset calls it. */
  readonly name: string;
  readonly view: IndexView;
}

/** The indexes of a dataset, by name. Throws: meilisearch.index-missing where one that is named, or every one, is not there. */
export async function loadIndexes(client: MeilisearchClient, dataset: MeilisearchDataset): Promise<PickedIndex[]> {
  const { prefix, include, exclude } = dataset;
  const found = (await client.listIndexes())
    .filter(({ uid }) => uid.startsWith(prefix) && !uid.startsWith(OWN_PREFIX))
    .map((view) => ({ name: view.uid.slice(prefix.length), view }))
    .filter(({ name }) => name !== '');
  const isThere = (name: string): boolean => found.some((each) => each.name === name);
  // A destination may hold some of them only.
  const absent = prefix === '' ? include.filter((each) => !each.includes('*') && !isThere(each)) : [];
  const picked = found.filter(
    ({ name }) =>
      include.some((each) => matchesPattern(each, name)) && !exclude.some((each) => matchesPattern(each, name)),
  );
  if (absent.length === 0 && picked.length > 0) return picked.sort((a, b) => (a.name < b.name ? -1 : 1));
  const said = absent.length > 0 ? `there is no index ${absent.join(', ')}` : 'no index is meant by `include`';
  throw new AppError('meilisearch.index-missing', `${client.place}: ${said}`, { absent });
}
