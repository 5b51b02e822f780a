import type { AttemptIdentity } from '#common/engines/engine.js';
import type { Rebuilt } from '#common/engines/rebuild.js';
import { type AskedRebuild, toRebuildWish } from '#common/service/requests/rebuild-wish.js';
import type { VerbContext } from '../verb.js';

export interface RebuildDocument extends Rebuilt {
  readonly target: string;
  readonly destination: string;
}

/** Makes indexes anew in this process, with neither bus nor catalog. Throws: request.*, restore.busy, search.source, meilisearch.*, postgres.*. */
export async function rebuildLocally(
  asked: AskedRebuild,
  identity: AttemptIdentity,
  { installation, output, signal }: VerbContext,
): Promise<RebuildDocument> {
  const { rebuild, destination, parts } = toRebuildWish(asked, installation);
  const startedAt = performance.now();
  const target = installation.target(asked.target);
  const rebuilt = await rebuild.run(
    { dataset: installation.dataset(asked.dataset), target, destination, parts, identity },
    {
      signal,
      assertHeld: async () => undefined,
      onProgress: (progress) => output.progress(`rebuild ${asked.dataset}`, progress, performance.now() - startedAt),
    },
  );
  return { target: asked.target, destination, ...rebuilt };
}

export const toRebuiltText = ({ target, parts }: RebuildDocument): string =>
  parts
    .map(({ place, documents, isReplaced }) => {
      const instead = isReplaced ? 'in place of the one that was there' : 'where there was none';
      return `index ${place} of target ${target} has ${documents} documents, ${instead}`;
    })
    .join('\n');
