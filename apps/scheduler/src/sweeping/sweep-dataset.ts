import { expiringKey } from '#common/repository/layout.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import {
  type AppliedRetention,
  type ApplyRetentionDeps,
  applyRetention,
  sweepDead,
} from '#common/service/apply-retention.js';
import { type DatasetPlan, planRetention } from '#common/service/plan-retention.js';
import { hasRetention } from '#common/service/retention-of.js';

export interface SweptDataset extends AppliedRetention {
  /** Undefined where nothing can expire: then no manifest was read. */
  readonly plan: DatasetPlan | undefined;
}

/**
 * Retention, where the configuration has one for the dataset or a mark of an earlier one is left; and always what dead attempts left.
 * Throws: repository.*, catalog.unavailable; the abort reason.
 */
export async function sweepDataset(dataset: string, d: ApplyRetentionDeps, signal: AbortSignal): Promise<SweptDataset> {
  if (hasRetention(d.installation.config, dataset) || (await hasMarks(dataset, d, signal))) {
    const plan = await planRetention(dataset, d, signal);
    return { ...(await applyRetention(plan, d, signal)), plan };
  }
  const nothing = { dataset, refusal: null, backups: [], left: 0, plan: undefined };
  return { ...nothing, ...(await sweepDead(dataset, d, signal)) };
}

async function hasMarks(dataset: string, d: ApplyRetentionDeps, signal: AbortSignal): Promise<boolean> {
  const repository = d.installation.primaryRepository(dataset);
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    if (objects.some(({ key }) => key === expiringKey(dataset, backupId))) return true;
  }
  return false;
}
