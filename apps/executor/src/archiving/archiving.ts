import type { Archiver } from '#common/engines/archiver.js';
import type { ProtectedDataset } from '#common/engines/engine.js';
import { readReach } from '#common/operations/recovery/read-reach.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Sealing } from '#common/sealing/sealing.js';
import { type Background, inBackground, pause, repeat } from '#common/service/background/background.js';
import { startLeaseHolder } from '#common/service/background/lease.js';
import type { Service } from '#common/service/open-service.js';
import { ArchiveWatch } from './archive-watch.js';

export interface ArchivingDeps
  extends Pick<Service, 'catalog' | 'events' | 'installation' | 'logger' | 'metrics' | 'owner'> {
  /** A process that is silent for this long is replaced. Default 60 s, renewed every 15. */
  readonly ttlMs?: number;
  readonly renewMs?: number;
  /** How far behind an archiver may be before an event says so. Default: what the archiver says. */
  readonly lagAfterMs?: number;
  /** How often an archiver looks to which moments its dataset can be recovered. Default ten minutes. */
  readonly reachEveryMs?: number;
}

const WATCH_EVERY_MS = 5_000;
const LAG_AFTER_MS = 60_000;

/** Every archiver that a dataset asks for: one executor at a time runs it, and another goes on where the repository ends. */
export function startArchiving(d: ArchivingDeps): Background {
  const holders = Object.keys(d.installation.config.datasets).flatMap((name) => {
    const dataset = d.installation.dataset(name);
    const wanted = (d.installation.engineOf(name).archivers ?? []).filter((archiver) => archiver.isWanted(dataset));
    return wanted.map((archiver) => startOne(archiver, dataset, d));
  });
  return { stop: async () => void (await Promise.all(holders.map((holder) => holder.stop()))) };
}

function startOne(archiver: Archiver<ProtectedDataset>, dataset: ProtectedDataset, d: ArchivingDeps): Background {
  const { catalog, owner, installation, ttlMs, renewMs } = d;
  const lagAfterMs = d.lagAfterMs ?? archiver.lagAfterMs?.(dataset) ?? LAG_AFTER_MS;
  const repository = installation.primaryRepository(dataset.name);
  const sealing = new Sealing({ compression: dataset.compression, recipients: repository.encryption.recipients });
  const logger = d.logger.child({ dataset: dataset.name, archiver: archiver.name });
  return startLeaseHolder({
    ...{ catalog, owner, logger, name: `archive ${archiver.name} of ${dataset.name}` },
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(renewMs === undefined ? {} : { renewMs }),
    work: async (lease, stopping) => {
      const signal = AbortSignal.any([lease.lost, stopping]);
      const watch = new ArchiveWatch({
        ...d,
        dataset: dataset.name,
        archiver: archiver.name,
        lease,
        logger: lease.logger,
        lagAfterMs,
      });
      const reaching = archiver.isReplayed
        ? inBackground((ended) => keepReading(watch, { dataset: dataset.name, repository, ...d }, ended))
        : undefined;
      const looking = inBackground(async (ended) => {
        for (; !ended.aborted; await pause(Math.min(WATCH_EVERY_MS, lagAfterMs), ended)) await watch.look();
      });
      try {
        await archiver.run(dataset, { signal, repository, sealing, clock: () => new Date(), watch });
      } catch (error) {
        // A shutdown and a lost lease are no failures: another executor goes on.
        if (!signal.aborted) throw error;
      } finally {
        await Promise.all([looking.stop(), reaching?.stop()]);
        watch.forget();
      }
    },
  });
}

interface Reading extends Pick<ArchivingDeps, 'logger' | 'reachEveryMs'> {
  readonly dataset: string;
  readonly repository: BackupRepository;
}

/** Base backups come and expire, and each look lists the whole archive. */
function keepReading(
  watch: ArchiveWatch,
  { dataset, repository, logger, reachEveryMs: everyMs = 10 * 60_000 }: Reading,
  ended: AbortSignal,
): Promise<void> {
  const read = async (): Promise<void> => {
    const reach = await readReach(dataset, { repository, signal: ended });
    const newest = reach?.windows.at(-1);
    const isOpen = newest !== undefined && newest.to.at !== null;
    watch.onReach({ from: isOpen ? new Date(newest.from.at) : undefined, holes: reach?.holes.length ?? 0 });
  };
  const onFailure = (error: unknown): void =>
    logger.warn({ err: error, dataset }, 'to which moments the dataset can be recovered cannot be read now');
  return repeat(read, { everyMs, onFailure }, ended);
}
