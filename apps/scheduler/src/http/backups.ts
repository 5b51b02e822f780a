import { z } from 'zod';
import type { Catalog } from '#common/catalog/catalog.js';
import type { BackupListView } from '#common/contracts/api-views.js';
import { type BackupId, isUuid } from '#common/domain/ids.js';
import { toSummaryView } from '#common/service/views/backup-view.js';
import { toKnownView } from '#common/service/views/condition.js';

const BackupQuery = z.strictObject({
  dataset: z.string().optional(),
  before: z.string().refine(isUuid, 'is not a backup id').optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

/** The newest backups with their copies, and how many copies there are: one consistent look, at no manifest. Throws: ZodError. */
export function listBackups(query: unknown, { catalog }: { readonly catalog: Catalog }): Promise<BackupListView> {
  const { dataset, before, limit } = BackupQuery.parse(query);
  const filter = dataset === undefined ? {} : { dataset };
  return catalog.transaction(async (tx) => {
    const summaries = await tx.backups.list({
      ...{ ...filter, limit },
      ...(before === undefined ? {} : { before: before as BackupId }),
    });
    const byId = new Map(summaries.map((summary) => [summary.id, summary]));
    const proofs = await tx.proofs.ofCopies([...byId.keys()]);
    const suspicions = new Map((await tx.suspicions.of([...byId.keys()])).map((each) => [each.backupId, each]));
    const copies = await tx.backups.copies(...byId.keys());
    const backups = copies.flatMap((copy) => {
      const summary = byId.get(copy.backupId);
      if (summary === undefined) return [];
      const view = toSummaryView(summary, copy.repository);
      return [
        toKnownView(view, copy, proofs.get(`${copy.backupId} ${copy.repository}`) ?? [], suspicions.get(copy.backupId)),
      ];
    });
    return { backups, total: await tx.backups.countCopies(filter) };
  });
}
