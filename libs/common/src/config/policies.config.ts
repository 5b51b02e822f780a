import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { DrillMoment } from '#common/contracts/drill-moment.js';
import { BackupMethod, DatasetName, Destination, ProfileName, TargetName } from '#common/contracts/names.js';
import { parseDuration } from '#common/domain/duration.js';
import { Duration, RetentionConfig } from './retention.config.js';
import { ScheduleTimes } from './schedule-times.config.js';

export const ScheduleConfig = z.strictObject({
  dataset: DatasetName,
  method: BackupMethod.optional().describe('Default: the first method of the dataset’s kind'),
  ...ScheduleTimes,
  deadline: Duration.optional().describe(
    'A backup that has not ended so long after it was asked for is cancelled, 6h; until then it is tried again while its source or storage is away. Default: none',
  ),
  retention: RetentionConfig.optional().describe('Of the whole dataset; here or on the dataset itself, once'),
});

export type ScheduleConfig = z.output<typeof ScheduleConfig>;

/** Early on the first of a quarter. */
const QUARTERLY = '0 3 1 1,4,7,10 *';

export const DrillConfig = z.strictObject({
  dataset: DatasetName,
  target: TargetName.describe('One that accepts drills'),
  profile: ProfileName.describe('What a drill proves of what it restored'),
  method: BackupMethod.optional().describe('Default: the first method of the dataset’s kind of store'),
  at: DrillMoment.optional(),
  destination: Destination.optional().describe(
    'Only where the target’s kind has no names of its own for drills: the number of an empty database of Redis',
  ),
  ...ScheduleTimes,
  cron: ScheduleTimes.cron.prefault(QUARTERLY),
});

export type DrillConfig = z.output<typeof DrillConfig>;

const PointMemberConfig = z.strictObject({
  dataset: DatasetName,
  method: BackupMethod.optional().describe(
    'How it is backed up for the point, and by which method its backups are looked for. Default: the first method of its kind takes it, and a backup by any method, or what is archived, can be the member',
  ),
  refersTo: z
    .array(DatasetName)
    .default([])
    .describe(
      'Members that hold what this one refers to, the objects of a media bucket for one: they are never older than it',
    ),
});

const { cron, ...PointTimes } = ScheduleTimes;

export const PointConfig = z.strictObject({
  members: z.array(PointMemberConfig).min(1),
  maxSkew: Duration.default('10m').describe('How far a member may be from the instant of the point'),
  deadline: Duration.default('12h').describe(
    'Its backups are cancelled when they have not ended so long after the point was asked for',
  ),
  cron: cron.optional().describe('Takes a point at these times; default: only when an operator or a service asks'),
  ...PointTimes,
});

export type PointConfig = z.output<typeof PointConfig>;

export const ProfileConfig = z.strictObject({
  probes: z.array(z.looseObject({ use: z.string() })).min(1),
});

const Http = (port: number) =>
  z
    .strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535).default(port) })
    .prefault({});

/** At most a week: a timer of more than 24 days would fire at once. */
const Milliseconds = z.int().max(7 * 86_400_000);

const Claims = {
  concurrency: z.int().min(1).max(32).default(2).describe('Runs held at once by this process'),
  slotsPerHost: z.int().min(1).default(2).describe('Runs at once against one source host, over all processes'),
  claimTtlMs: Milliseconds.min(2_000).default(60_000).describe('A silent holder loses its run after this'),
  claimRenewMs: Milliseconds.min(500).default(15_000).describe('Interval between renewals'),
  maxAttempts: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('Of one run; attempts that find its source or storage away, or locked, are not among them'),
  drainMs: Milliseconds.min(0)
    .default(5_000)
    .describe(
      'Running work may end for so long after SIGTERM; then it is given back, and another process begins it anew',
    ),
};

const renewFits = (claims: { claimRenewMs: number; claimTtlMs: number }): boolean =>
  claims.claimRenewMs * 3 <= claims.claimTtlMs;
const renewMessage = { error: 'claimRenewMs must fit three times into claimTtlMs' };

const DAY_MS = 86_400_000;

const AtLeast = (days: number) =>
  Duration.pipe(
    z.string().refine((text) => parseDuration(text) >= days * DAY_MS, { error: `must be at least ${days}d` }),
  );

const KeepConfig = z.strictObject({
  // Requests may come again until then, and a run of the same id is what makes them a no-op.
  runs: AtLeast(35).default('400d').describe('Settled runs, but those whose backups are there still'),
  published: Duration.default('7d').describe('Events that are on the bus'),
  audit: AtLeast(90).optional().describe('Who asked for what; default: for ever'),
});

export const SchedulerConfig = z.strictObject({
  http: Http(7080),
  sweepEveryMs: Milliseconds.min(1_000)
    .default(3_600_000)
    .describe('Between two sweeps: retention, what dead attempts left, old rows of the catalog'),
  firstSweepAfterMs: Milliseconds.min(0).default(180_000).describe('After the start'),
  evaluateEveryMs: Milliseconds.min(1_000)
    .default(1_800_000)
    .describe('Between two looks whether the recovery plans would succeed'),
  firstEvaluationAfterMs: Milliseconds.min(0).default(60_000).describe('After the start'),
  settleRestoresAfterMs: Milliseconds.min(0)
    .default(900_000)
    .describe(
      'How long a restore whose executor vanished is left to other executors, which end its sessions before they call it failed',
    ),
  keep: KeepConfig.prefault({}).describe('How long the catalog keeps what has come to its end'),
});
export const ExecutorConfig = z
  .strictObject({
    http: Http(7081),
    ...Claims,
    workDirectory: z
      .string()
      .optional()
      .describe('Where archives are spooled before a restore; default: the system’s temporary directory'),
    walSocket: z
      .string()
      .refine((path) => isAbsolute(path) && Buffer.byteLength(path) <= 90, {
        error: 'must be an absolute path of at most 90 bytes',
      })
      .optional()
      .describe(
        'A Unix socket that this executor makes, mode 0660, in a folder that is there: `archive_command` and `restore_command` of PostgreSQL servers on the same machine use it; default: none',
      ),
    retryForMs: Milliseconds.min(0)
      .default(3_600_000)
      .describe('How long a backup without a deadline is tried again while its source or storage is away, or locked'),
    retryRestoresForMs: Milliseconds.min(0).default(600_000).describe('The same for restores, which people wait for'),
    sweepEveryMs: Milliseconds.min(1_000)
      .default(600_000)
      .describe('Between two looks for scratch databases and processes that dead attempts left'),
  })
  .refine(renewFits, renewMessage);
export const VerifierConfig = z
  .strictObject({
    http: Http(7082),
    ...Claims,
    retryForMs: Milliseconds.min(0)
      .default(600_000)
      .describe('How long a verification or replay is tried again while what it looks at is away, or locked'),
  })
  .refine(renewFits, renewMessage);

export const RecoveryConfig = z.strictObject({
  directory: z
    .string()
    .startsWith('/')
    .optional()
    .describe('Where runs of plans keep their journals; default: ~/.local/state/holdfast/recovery'),
  signingKey: z
    .string()
    .optional()
    .describe(
      'A private key of Ed25519 in PEM, by reference: reports and verdicts are signed with it, where verifiers and executors have it too',
    ),
});
