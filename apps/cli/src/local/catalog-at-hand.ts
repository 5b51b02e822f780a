import { type Catalog, openCatalog } from '#common/catalog/catalog.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import type { VerbContext } from '../verb.js';

export interface CatalogWish {
  /** Asked for: the repository alone. */
  readonly isLocal: boolean;
  /** The rows must follow what is done: without the catalog it is refused. */
  readonly mustFollow: boolean;
  /** What is not known, or not done, without it. */
  readonly withoutIt?: string;
}

const WITHOUT_IT = 'without the catalog: what runs work with, and whether backups fail, is unknown';

/**
 * Works with the catalog where there is one, and says so where there is none. Throws: catalog.unavailable when rows must follow and
 * `--local` was not given; what the work throws.
 */
export async function withCatalogAtHand<T>(
  wish: CatalogWish,
  context: VerbContext,
  work: (catalog: Catalog | undefined) => Promise<T>,
): Promise<T> {
  const catalog = wish.isLocal ? undefined : await findCatalog(wish, context);
  if (catalog === undefined) context.output.note(wish.withoutIt ?? WITHOUT_IT);
  try {
    return await work(catalog);
  } finally {
    await catalog?.close();
  }
}

async function findCatalog({ mustFollow }: CatalogWish, context: VerbContext): Promise<Catalog | undefined> {
  const { catalog, api } = context.installation.config;
  const hint = 'Run it where `catalog` is configured and answers, or add --local to work on the repository alone.';
  if (catalog === undefined) {
    if (mustFollow && api !== undefined)
      throw new AppError('catalog.unavailable', 'the configuration names an api and no catalog', {}, { hint });
    return undefined;
  }
  try {
    return await openCatalog({ ...catalog, applicationName: 'holdfast cli' });
  } catch (error) {
    const { code, message } = toAppError(error);
    if (code !== 'catalog.unavailable') throw error;
    if (mustFollow) throw new AppError(code, message, {}, { cause: error, hint });
    context.output.note(`${message}; reading the repository alone`);
    return undefined;
  }
}
