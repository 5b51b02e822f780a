import type { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { RetentionConfig } from '#common/config/retention.config.js';
import { parseDuration } from '#common/domain/duration.js';
import type { RetentionPolicy } from '#common/domain/retention.policy.js';

export interface DatasetRetention {
  readonly policy: RetentionPolicy;
  /** Backups that one sweep takes on at most. */
  readonly cap: number;
}

/** Without a retention in the configuration everything is kept. */
const NONE: DatasetRetention = { policy: { zone: 'UTC', minimumGood: 1 }, cap: 1 };

/** How long a dataset's backups are kept, written on the dataset or on one of its schedules. */
export function retentionOf(all: HoldfastConfig, dataset: string): DatasetRetention {
  const config = findConfig(all, dataset);
  return config === undefined ? NONE : { policy: toPolicy(config), cap: config.cap };
}

export const hasRetention = (all: HoldfastConfig, dataset: string): boolean => findConfig(all, dataset) !== undefined;

function findConfig({ datasets, schedules }: HoldfastConfig, dataset: string): RetentionConfig | undefined {
  const places = [datasets[dataset], ...Object.values(schedules).filter((schedule) => schedule.dataset === dataset)];
  return places.find((place) => place?.retention !== undefined)?.retention;
}

const toPolicy = ({ within, safetyWithin, ...config }: RetentionConfig): RetentionPolicy => ({
  withinMs: within === undefined ? undefined : parseDuration(within),
  safetyWithinMs: safetyWithin === undefined ? undefined : parseDuration(safetyWithin),
  last: config.last,
  day: config.daily,
  week: config.weekly,
  month: config.monthly,
  year: config.yearly,
  zone: config.zone,
  minimumGood: config.minimumGood,
});
