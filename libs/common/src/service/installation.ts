import type { KeyObject } from 'node:crypto';
import type { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { DatasetConfig, TargetConfig } from '#common/config/kinds.config.js';
import type { DrillConfig, PointConfig, ScheduleConfig } from '#common/config/policies.config.js';
import type { TargetRules, TopicRules } from '#common/domain/request.policy.js';
import type { Engine, ProtectedDataset, RestoreTarget, TargetKind } from '#common/engines/engine.js';
import { loadEngine, loadTargetKind, resolveMethod } from '#common/engines/engines.js';
import { type ProfileProbe, parseProfile } from '#common/engines/profiles.js';
import { AppError } from '#common/errors/app-error.js';
import type { PreparedProbe } from '#common/probes/define-probe.js';
import type { BackupRepository, RepositoryLock } from '#common/repository/backup-repository.js';
import { openRepository } from '#common/repository/open-repository.js';
import { assertRecipients } from '#common/sealing/age.js';
import { readSigningKey } from '#common/sealing/signature.js';
import { retentionOf } from './retention/retention-of.js';

/** What asks by itself, at its times: for a backup, for a drill, or for a recovery point, whose name stands where others have their dataset. */
export type FullSchedule = { readonly method: string } & (
  | ({ readonly asks: 'backup' } & ScheduleConfig)
  | ({ readonly asks: 'drill' } & DrillConfig)
  | ({ readonly asks: 'point'; readonly dataset: string; readonly cron: string } & Omit<PointConfig, 'cron'>)
);

/**
 * What the configuration names, as the plain options that operations take. Names come from requests: an unknown one is
 * refused, and the refusal lists the known ones.
 */
export class Installation {
  private readonly opened = new Map<string, BackupRepository>();

  private readonly profiles: Readonly<Record<string, readonly ProfileProbe[]>>;

  /** Throws: config.invalid for a profile that asks for a probe in a way that the probe does not understand, for a recipient that is none. */
  constructor(readonly config: HoldfastConfig) {
    for (const [name, { encryption }] of Object.entries(config.repositories))
      assertRecipients(encryption?.recipients ?? [], `repositories.${name}.encryption.recipients`);
    this.profiles = Object.fromEntries(
      Object.entries(config.profiles).map(([name, raw]) => [name, parseProfile(raw, `profiles.${name}`)]),
    );
  }

  /** As its engine knows it. Throws: request.refused. */
  dataset(name: string): ProtectedDataset {
    const config = this.datasetConfig(name);
    return this.engineOf(name).dataset.resolve({ name, compression: config.compression }, config);
  }

  /** Which method of its kind is meant; the default where none is named. Throws: request.refused, naming those that there are. */
  method(dataset: string, name?: string): string {
    return resolveMethod(this.datasetConfig(dataset).kind, name);
  }

  /** Of schedules, drills, and recovery points that have times: no two have one name. */
  scheduleNames(): string[] {
    const { schedules, drills, points } = this.config;
    const timed = Object.keys(points).filter((name) => points[name]?.cron !== undefined);
    return [...Object.keys(schedules), ...Object.keys(drills), ...timed];
  }

  /** Throws: request.refused. */
  point(name: string): PointConfig {
    return known(this.config.points, name, 'recovery point');
  }

  /** A schedule, drill or timed recovery point, with the method that it asks for. Throws: request.refused. */
  schedule(name: string): FullSchedule {
    const { schedules, drills, points } = this.config;
    const cron = Object.hasOwn(points, name) ? points[name]?.cron : undefined;
    if (cron !== undefined) return { asks: 'point', dataset: name, method: 'point', ...this.point(name), cron };
    const drill = Object.hasOwn(drills, name) ? drills[name] : undefined;
    if (drill !== undefined) return { asks: 'drill', ...drill, method: this.method(drill.dataset, drill.method) };
    const schedule = known({ ...drills, ...schedules }, name, 'schedule') as ScheduleConfig;
    return { asks: 'backup', ...schedule, method: this.method(schedule.dataset, schedule.method) };
  }

  /** Of a dataset's kind. Throws: request.refused. */
  engineOf(dataset: string): Engine {
    return loadEngine(this.datasetConfig(dataset).kind, `dataset "${dataset}"`);
  }

  /** What reports and verdicts are signed with. Throws: config.invalid. */
  get signingKey(): KeyObject | undefined {
    const { signingKey } = this.config.recovery;
    return signingKey === undefined ? undefined : readSigningKey(signingKey, '`recovery.signingKey`');
  }

  /** As its engine knows it. Throws: request.refused. */
  target(name: string): RestoreTarget {
    return this.targetKind(name).target.resolve({ name }, this.targetConfig(name));
  }

  /** Throws: request.refused. */
  targetKind(name: string): TargetKind {
    return loadTargetKind(this.targetConfig(name).kind, `target "${name}"`);
  }

  /** Throws: request.refused where no restore to the target replays what was archived. */
  assertRecovers(target: string): void {
    const { kind, restores } = this.targetKind(target);
    if (restores.some(({ recovers }) => recovers)) return;
    throw new AppError('request.refused', `target "${target}" of kind ${kind} takes no recovery to a point in time`);
  }

  /** Throws: request.refused where no backup comes back in parts to the target, or a profile is to prove what is not all there; request.invalid. */
  assertTakesParts(target: string, parts: readonly string[], profile: string | undefined): void {
    const { kind, restores } = this.targetKind(target);
    const driver = restores.find(({ assertParts }) => assertParts !== undefined);
    if (driver === undefined)
      throw new AppError('request.refused', `target "${target}" of kind ${kind} takes whole backups only`, { parts });
    driver.assertParts?.(parts);
    if (profile === undefined) return;
    const hint = 'Leave the profile out, or restore the whole backup to another destination with it.';
    throw new AppError(
      'request.refused',
      `profile "${profile}" proves a whole backup, and not ${parts.join(', ')}`,
      {},
      { hint },
    );
  }

  /** Where a restore goes; a request may leave it out. Throws: request.refused, request.invalid. */
  destination(dataset: string, target: string, wanted?: string): string {
    return this.targetKind(target).toDestination(wanted, this.dataset(dataset));
  }

  /** Throws: request.refused. */
  repository(name: string): BackupRepository {
    const config = known(this.config.repositories, name, 'repository');
    const lock = config.lock && { ...config.lock, periods: this.lockPeriods(name) };
    const repository = this.opened.get(name) ?? openRepository({ name, ...config, lock });
    this.opened.set(name, repository);
    return repository;
  }

  private lockPeriods(repository: string): RepositoryLock['periods'] {
    const own = Object.entries(this.config.datasets).filter(([, { repositories }]) =>
      repositories.includes(repository),
    );
    const periods = own.map(([dataset]) => {
      const { withinMs = 0, safetyWithinMs = withinMs } = retentionOf(this.config, dataset).policy;
      return [dataset, { regularMs: withinMs, safetyMs: safetyWithinMs }] as const;
    });
    return Object.fromEntries(periods);
  }

  /** Does a dataset with this repository have a method whose backups share content? */
  sharesContent(repository: string): boolean {
    const datasets = Object.entries(this.config.datasets).filter(([, { repositories }]) =>
      repositories.includes(repository),
    );
    return datasets.some(([name]) => this.engineOf(name).methods.some(({ sharesContent }) => sharesContent));
  }

  /** Of a dataset, the one that is written first is the first. Throws: request.refused. */
  repositoriesOf(dataset: string): BackupRepository[] {
    return this.datasetConfig(dataset).repositories.map((name) => this.repository(name));
  }

  /** Throws: request.refused. */
  primaryRepository(dataset: string): BackupRepository {
    const [primary] = this.repositoriesOf(dataset);
    if (primary === undefined) throw new AppError('config.invalid', `dataset "${dataset}" has no repository`);
    return primary;
  }

  /** Throws: request.refused. */
  topicRules(dataset: string): TopicRules[] {
    return this.datasetConfig(dataset).topics.map(({ name, groups, replay }) => ({ name, groups, ...replay }));
  }

  /** What the target accepts, and the destinations that no request may name: the server's own and the catalog's. Throws: request.refused. */
  targetRules(name: string): TargetRules {
    const { accepts } = this.targetConfig(name);
    const forbidden = this.targetKind(name).forbidden(this.target(name), this.config.catalog?.url);
    return { ...accepts, forbidden };
  }

  /** The probes of a profile, ready to run on what was restored of a dataset. Throws: request.refused. */
  profile(name: string, dataset: string): { readonly name: string; readonly probes: readonly PreparedProbe[] } {
    const probes = known(this.profiles, name, 'profile');
    const { kind } = this.datasetConfig(dataset);
    const stranger = probes.find((probe) => probe.kind !== undefined && probe.kind !== kind);
    if (stranger?.kind === undefined) return { name, probes };
    const message = `profile "${name}" asks for probe ${stranger.name}, which is for ${stranger.kind}; dataset "${dataset}" is of kind ${kind}`;
    throw new AppError('request.refused', message, { profile: name, probe: stranger.name });
  }

  /** Throws: request.refused. */
  datasetConfig(name: string): DatasetConfig {
    return known(this.config.datasets, name, 'dataset');
  }

  /** Throws: request.refused. */
  targetConfig(name: string): TargetConfig {
    return known(this.config.targets, name, 'target');
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened.values()].map((repository) => repository.close()));
    this.opened.clear();
  }
}

/** Throws: request.refused. */
export function known<T>(entries: Readonly<Record<string, T>>, name: string, what: string): T {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry !== undefined) return entry;
  throw new AppError('request.refused', `there is no ${what} "${name}"`, { known: Object.keys(entries) });
}
