import { z } from 'zod';
import type { DocumentsFacts } from '#common/engines/meilisearch/documents-facts.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchDataset, MeilisearchTarget } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { toPrefix } from '#common/engines/meilisearch/restore/destination.js';
import { compareIndex } from '#common/engines/meilisearch/restore/fill-index.js';
import { defineProbe } from '#common/probes/define-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import type { ProbeContext } from '#common/probes/probe-context.js';

type Context = ProbeContext<MeilisearchDataset, MeilisearchTarget, DocumentsFacts>;

/** The restored indexes hold the backup's settings and documents, and nothing else. */
export const documentsProbe = defineProbe({
  name: 'documents',
  summary: 'Every index has the backup’s primary key, settings and documents, by count and digest',
  timeoutMs: 3_600_000,
  params: z.strictObject({}),
  async check({ manifest, target, destination, signal }: Context) {
    const { indexes } = manifest.snapshot;
    if (indexes.length === 0) return nothingToCompare('the backup holds no index');
    const client = new MeilisearchClient(target.connection, signal);
    const problems = new EvidenceLog();
    for (const source of indexes) {
      const uid = toPrefix(destination) + source.name;
      const found = await client.findIndex(uid);
      if (found === undefined) {
        problems.add({ subject: uid, problem: 'the index is missing' });
        continue;
      }
      const { primaryKey: expected } = source;
      const actual = found.primaryKey;
      if (actual !== expected) problems.add({ subject: uid, expected, actual, problem: 'other primary key' });
      for (const problem of await compareIndex(client, uid, source)) problems.add({ subject: uid, problem });
    }
    const documents = indexes.reduce((sum, each) => sum + each.documents, 0);
    return conclude({
      looked: `${indexes.length === 1 ? 'one index' : `${indexes.length} indexes`}, ${countOf(documents, 'document')}`,
      problems,
    });
  },
});
