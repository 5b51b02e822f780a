import { z } from 'zod';
import {
  DatasetName,
  PlanName,
  PointName,
  ProfileName,
  RepositoryName,
  ScheduleName,
  TargetName,
} from '#common/contracts/names.js';
import { findCollisions, isRepositoryUrl, type PlacedRepository } from '#common/domain/repository-url.js';
import { datasetKindOf, loadTargetKind } from '#common/engines/engines.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import { BusConfig, RepositoryConfig } from './connections.config.js';
import { DatasetConfig, TargetConfig } from './kinds.config.js';
import { problemOfMethod } from './method-problem.js';
import { PlanConfig } from './plans/plan.config.js';
import { kindOf } from './plans/plan-steps.js';
import { findPointProblems } from './points.config.js';
import {
  DrillConfig,
  ExecutorConfig,
  PointConfig,
  ProfileConfig,
  RecoveryConfig,
  ScheduleConfig,
  SchedulerConfig,
  VerifierConfig,
} from './policies.config.js';

/** The whole of holdfast.yaml: type, defaults and documentation in one. */
export const HoldfastConfig = z
  .strictObject({
    instance: z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .default('holdfast')
      .describe('Names this installation as the source of events'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    bus: BusConfig.optional().describe('Kafka or Redpanda; only --local commands work without'),
    catalog: z.strictObject({ url: PostgresUrl, poolSize: z.int().min(2).max(50).default(8) }).optional(),
    api: z
      .strictObject({
        url: z.url().default('http://127.0.0.1:7080').describe('Where the CLI finds the scheduler'),
        token: z.string().min(16, 'use at least 16 characters'),
      })
      .optional(),
    repositories: z.record(RepositoryName, RepositoryConfig),
    datasets: z.record(DatasetName, DatasetConfig),
    targets: z.record(TargetName, TargetConfig).default({}),
    schedules: z.record(ScheduleName, ScheduleConfig).default({}),
    drills: z.record(ScheduleName, DrillConfig).default({}).describe('Restores to scratch places, proven and measured'),
    points: z
      .record(PointName, PointConfig)
      .default({})
      .describe('Recovery points: datasets that are backed up and recovered together, to one moment'),
    profiles: z.record(ProfileName, ProfileConfig).default({}),
    plans: z.record(PlanName, PlanConfig).default({}),
    recovery: RecoveryConfig.prefault({}).describe('Of plans that the command line runs'),
    scheduler: SchedulerConfig.prefault({}),
    executor: ExecutorConfig.prefault({}),
    verifier: VerifierConfig.prefault({}),
  })
  .superRefine((config, context) => {
    const require = (known: object, name: string, what: string, path: (string | number)[]): void => {
      if (Object.hasOwn(known, name)) return;
      const names = Object.keys(known).join(', ') || 'none';
      context.addIssue({ code: 'custom', path, message: `there is no ${what} "${name}"; there is: ${names}` });
    };
    for (const [name, dataset] of Object.entries(config.datasets)) {
      dataset.repositories.forEach((repository, index) => {
        require(config.repositories, repository, 'repository', ['datasets', name, 'repositories', index]);
      });
    }
    for (const [name, target] of Object.entries(config.targets)) {
      target.accepts.datasets.forEach((dataset, index) => {
        const path = ['targets', name, 'accepts', 'datasets', index];
        require(config.datasets, dataset, 'dataset', path);
        const taken = datasetKindOf(target.kind);
        const kind = config.datasets[dataset]?.kind ?? taken;
        const message = `dataset "${dataset}" is of kind ${kind}, and a target of kind ${target.kind} takes ${taken}`;
        if (kind !== taken) context.addIssue({ code: 'custom', path, message });
      });
      const known = strategiesOf(target.kind);
      target.accepts.strategies.forEach((strategy, index) => {
        const path = ['targets', name, 'accepts', 'strategies', index];
        const message = `there is no strategy "${strategy}" for kind ${target.kind}; there is: ${known.join(', ')}`;
        if (!known.includes(strategy)) context.addIssue({ code: 'custom', path, message });
      });
    }
    for (const [name, schedule] of Object.entries(config.schedules)) {
      require(config.datasets, schedule.dataset, 'dataset', ['schedules', name, 'dataset']);
      const { kind } = config.datasets[schedule.dataset] ?? {};
      const message = kind === undefined ? undefined : problemOfMethod(kind, schedule.method);
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['schedules', name, 'method'], message });
    }
    for (const [name, plan] of Object.entries(config.plans)) {
      plan.steps.forEach((step, index) => {
        const { dataset, target, profile } = kindOf(step).names(step);
        const at = (field: string) => ['plans', name, 'steps', index, field];
        if (dataset !== undefined) require(config.datasets, dataset, 'dataset', at('dataset'));
        if (target !== undefined) require(config.targets, target, 'target', at('target'));
        if (profile !== undefined) require(config.profiles, profile, 'profile', at('profile'));
      });
    }
    for (const [name, drill] of Object.entries(config.drills)) {
      require(config.datasets, drill.dataset, 'dataset', ['drills', name, 'dataset']);
      require(config.targets, drill.target, 'target', ['drills', name, 'target']);
      require(config.profiles, drill.profile, 'profile', ['drills', name, 'profile']);
    }
    for (const { path, message } of findPointProblems(config)) context.addIssue({ code: 'custom', path, message });
    for (const { path, message } of findDrillProblems(config)) context.addIssue({ code: 'custom', path, message });
    for (const { name, with: other } of findCollisions(toPlaced(config))) {
      const message = `it would write into the place of repository "${other}"`;
      context.addIssue({ code: 'custom', path: ['repositories', name, 'url'], message });
    }
    for (const { path, message } of findEndlessLocks(config)) context.addIssue({ code: 'custom', path, message });
    for (const { path, message } of findRetentionConflicts(config)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

const strategiesOf = (kind: string): string[] =>
  loadTargetKind(kind, 'the target').restores.flatMap(({ strategies }) => strategies);

interface Drills {
  readonly datasets: Readonly<Record<string, { readonly kind: string }>>;
  readonly schedules: object;
  readonly drills: Readonly<Record<string, Pick<DrillConfig, 'dataset' | 'method'>>>;
}

function findDrillProblems({ datasets, schedules, drills }: Drills) {
  return Object.entries(drills).flatMap(([name, { dataset, method }]) => {
    const { kind } = datasets[dataset] ?? {};
    const wrong = kind === undefined ? undefined : problemOfMethod(kind, method);
    const taken = 'a schedule has this name already, and both are paused and resumed by it';
    return [
      ...(wrong === undefined ? [] : [{ path: ['drills', name, 'method'], message: wrong }]),
      ...(Object.hasOwn(schedules, name) ? [{ path: ['drills', name], message: taken }] : []),
    ];
  });
}

interface Repositories {
  readonly repositories: Readonly<Record<string, Pick<RepositoryConfig, 'url' | 'endpoint'>>>;
  readonly datasets: Readonly<Record<string, { readonly repositories: readonly string[] }>>;
}

/** The schema of a repository reports a place that it cannot parse as a problem of its own. */
const isReadable = ([, { url, endpoint }]: [string, Pick<RepositoryConfig, 'url' | 'endpoint'>]): boolean =>
  isRepositoryUrl(url) && (endpoint === undefined || URL.canParse(endpoint));

const toPlaced = ({ repositories, datasets }: Repositories): PlacedRepository[] =>
  Object.entries(repositories)
    .filter(isReadable)
    .map(([name, { url, endpoint }]) => ({
      ...{ name, url, endpoint },
      datasets: Object.keys(datasets).filter((dataset) => datasets[dataset]?.repositories.includes(name)),
    }));

interface Retained {
  readonly retention?: { readonly within?: string | undefined } | undefined;
}

interface Locks {
  readonly repositories: Readonly<Record<string, Pick<RepositoryConfig, 'lock'>>>;
  readonly datasets: Readonly<Record<string, Retained & { readonly repositories: readonly string[] }>>;
  readonly schedules: Readonly<Record<string, Retained & { readonly dataset: string }>>;
}

/** Only `within` says beforehand how long a backup is kept at least: other rules depend on what comes after it. */
function findEndlessLocks({ repositories, datasets, schedules }: Locks) {
  return Object.entries(datasets).flatMap(([name, dataset]) => {
    const locking = dataset.repositories.find((repository) => repositories[repository]?.lock !== undefined);
    const places = [dataset, ...Object.values(schedules).filter((schedule) => schedule.dataset === name)];
    if (locking === undefined || places.some(({ retention }) => retention?.within !== undefined)) return [];
    const message = `repository "${locking}" locks its backups for \`within\` of the retention, and there is none`;
    return [{ path: ['datasets', name, 'retention'], message }];
  });
}

interface RetentionPlaces {
  readonly datasets: Readonly<Record<string, { readonly retention?: object | undefined }>>;
  readonly schedules: Readonly<Record<string, { readonly dataset: string; readonly retention?: object | undefined }>>;
}

/** Backups do not say which schedule made them, so a dataset has one retention, wherever it is written. */
function findRetentionConflicts({ datasets, schedules }: RetentionPlaces) {
  const conflicts: { readonly path: readonly string[]; readonly message: string }[] = [];
  const places = new Map(
    Object.entries(datasets).map(([name, { retention }]) => [name, retention && `datasets.${name}`]),
  );
  for (const [name, { dataset, retention }] of Object.entries(schedules)) {
    const earlier = places.get(dataset);
    const path = ['schedules', name, 'retention'];
    if (retention === undefined) continue;
    if (earlier !== undefined)
      conflicts.push({ path, message: `dataset "${dataset}" has a retention in ${earlier} already` });
    else places.set(dataset, `schedules.${name}`);
  }
  return conflicts;
}

export type HoldfastConfig = z.output<typeof HoldfastConfig>;
