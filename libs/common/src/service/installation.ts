import type { DatasetConfig, HoldfastConfig } from '#common/config/holdfast.config.js';
import type { ScheduleConfig } from '#common/config/policies.config.js';
import type { TargetRules, TopicRules } from '#common/domain/request.policy.js';
import { resolveMethod } from '#common/engines/engines.js';
import type { PostgresDataset, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { hostsOf, parsePgUrl } from '#common/pg/connection.js';
import type { PreparedProbe } from '#common/probes/define-probe.js';
import { parseProfile } from '#common/probes/registry.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { openRepository } from '#common/repository/open-repository.js';
import { assertRecipients } from '#common/sealing/age.js';

export type FullSchedule = ScheduleConfig & { readonly method: string };

/**
 * What the configuration names, as the plain options that operations take. Names come from requests: an unknown one is
 * refused, and the refusal lists the known ones.
 */
export class Installation {
  private readonly opened = new Map<string, BackupRepository>();

  private readonly profiles: Readonly<Record<string, readonly PreparedProbe[]>>;

  /** Throws: config.invalid for a profile that asks for a probe in a way that the probe does not understand, for a recipient that is none. */
  constructor(readonly config: HoldfastConfig) {
    for (const [name, { encryption }] of Object.entries(config.repositories))
      assertRecipients(encryption?.recipients ?? [], `repositories.${name}.encryption.recipients`);
    this.profiles = Object.fromEntries(
      Object.entries(config.profiles).map(([name, raw]) => [name, parseProfile(raw, `profiles.${name}`)]),
    );
  }

  /** Throws: request.refused. */
  dataset(name: string): PostgresDataset {
    const config = this.datasetConfig(name);
    return {
      name,
      connection: parsePgUrl(config.url),
      toolDirectories: config.toolDirectories,
      fingerprintTables: config.fingerprint,
      exactCountLimit: config.exactCountLimit,
      lockTimeoutMs: config.lockTimeoutMs,
      migrationHeadQuery: config.migrationHeadQuery,
      tenantTables: config.tenantTables,
      compression: config.compression,
    };
  }

  /** Which method of its kind is meant; the default where none is named. Throws: request.refused, naming those that there are. */
  method(dataset: string, name?: string): string {
    return resolveMethod(this.datasetConfig(dataset).kind, name);
  }

  /** With the method that it asks for. Throws: request.refused. */
  schedule(name: string): FullSchedule {
    const config = known(this.config.schedules, name, 'schedule');
    return { ...config, method: this.method(config.dataset, config.method) };
  }

  /** Throws: request.refused. */
  target(name: string): PostgresTarget {
    const config = known(this.config.targets, name, 'target');
    return {
      name,
      connection: parsePgUrl(config.url),
      toolDirectories: config.toolDirectories,
      owner: config.owner,
      privileges: config.privileges,
      missingRoles: config.missingRoles,
      jobs: config.jobs,
    };
  }

  /**
   * Where a restore goes that names no database: to the one that the dataset's url names today, whatever it was called when the backup was
   * taken. Throws: request.refused.
   */
  restoreDatabase(dataset: string, wanted?: string): string {
    return wanted ?? this.dataset(dataset).connection.database;
  }

  /** Throws: request.refused. */
  repository(name: string): BackupRepository {
    const config = known(this.config.repositories, name, 'repository');
    const repository = this.opened.get(name) ?? openRepository({ name, ...config });
    this.opened.set(name, repository);
    return repository;
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

  /** What the target accepts, and the databases that nobody may ask for: the catalog and the server's own. Throws: request.refused. */
  targetRules(name: string): TargetRules {
    const { accepts } = known(this.config.targets, name, 'target');
    const server = this.target(name).connection;
    const catalog = this.config.catalog === undefined ? undefined : parsePgUrl(this.config.catalog.url);
    const isHere =
      catalog !== undefined &&
      hostsOf(catalog).some((one) => hostsOf(server).some(({ host, port }) => host === one.host && port === one.port));
    const forbidden = ['postgres', 'template0', 'template1', ...(isHere ? [catalog.database] : [])];
    return { ...accepts, forbidden };
  }

  /** The probes of a profile, ready to run. Throws: request.refused. */
  profile(name: string): { readonly name: string; readonly probes: readonly PreparedProbe[] } {
    return { name, probes: known(this.profiles, name, 'profile') };
  }

  /** Throws: request.refused. */
  datasetConfig(name: string): DatasetConfig {
    return known(this.config.datasets, name, 'dataset');
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
