import { parseDuration } from '#common/domain/duration.js';
import type { Background } from '#common/service/background/background.js';
import { startPeriodicWork } from '#common/service/background/lease.js';
import type { Service } from '#common/service/open-service.js';
import { forgetOld, type KeepAges } from './forget.js';
import { type SweepDeps, sweepRepositories } from './sweep-repositories.js';

type SweepingDeps = Pick<Service, 'catalog' | 'events' | 'installation' | 'logger' | 'metrics' | 'owner'> &
  Pick<SweepDeps, 'limitMs'>;

/** Whatever time and dead attempts leave behind: one sweep by one of all schedulers, beside the planning tick and never in its way. */
export function startSweeping(d: SweepingDeps): Background {
  const { catalog, installation, logger, metrics, owner } = d;
  const { sweepEveryMs, firstSweepAfterMs } = installation.config.scheduler;
  const hung = new Set<string>();
  return startPeriodicWork({
    ...{ name: 'sweep', catalog, owner, logger },
    ...{ everyMs: sweepEveryMs, firstAfterMs: firstSweepAfterMs },
    work: async (signal) => {
      await forgetOld(toAges(installation.config.scheduler.keep), d, signal);
      await sweepRepositories({ ...d, hung, now: () => new Date() }, signal);
      metrics.sweepTimestampSeconds.setToCurrentTime();
    },
  });
}

const toAges = ({ runs, published, audit }: SweepingDeps['installation']['config']['scheduler']['keep']): KeepAges => ({
  runsMs: parseDuration(runs),
  publishedMs: parseDuration(published),
  auditMs: audit === undefined ? undefined : parseDuration(audit),
});
