import { randomUUID } from 'node:crypto';
import type { Manifest } from '#common/contracts/manifest.js';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { Engine, ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { parseProfile } from '#common/engines/profiles.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { verifyRestore } from '#common/operations/verify-restore.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import type { SeededDamage } from './seeded-damage.js';

/** A filled server of one kind, and what damages are done to. */
export interface DamageFixture<Place> {
  readonly engine: Engine;
  /** As holdfast.yaml says them, without what every dataset and target has. */
  readonly dataset: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly method: string;
  newDestination(): string;
  open(destination: string): Place;
  /** What stands for `{name}` in the evidence of damages. */
  names(destination: string): Readonly<Record<string, string>>;
  /** Of probes that do not go without. */
  params?(use: string, destination: string): object;
  /** As the restored destination is. Absent: each damage is done to a restore of its own. */
  copy?(restored: string, destination: string): Promise<void>;
  /** Destinations are small, but many. Absent: they go with the fixture. */
  remove?(destination: string): Promise<void>;
  /** The fixture, and every destination that is left. */
  close(): Promise<void>;
}

/** The damages of one kind of dataset, whatever they are done to. */
export interface DamageTable {
  readonly kind: string;
  readonly damages: readonly Pick<SeededDamage<never>, 'name' | 'use'>[];
  /** One backup of a filled server. */
  start(): Promise<Pick<DamageBed<never>, 'ask' | 'suffer' | 'close'>>;
}

/** `start` fills a server. */
export const defineDamages = <Place>(
  kind: string,
  damages: readonly SeededDamage<Place>[],
  start: () => Promise<DamageFixture<Place>>,
): DamageTable => ({ kind, damages, start: async () => DamageBed.start(await start(), damages) });

export interface Suffered {
  readonly outcome: ProbeOutcome;
  /** `subject: problem` of what speaks against the restore. */
  readonly problems: readonly string[];
  /** What the damage says has to be among them. */
  readonly expected: string;
}

const { signal } = new AbortController();

/** One backup of a filled server, and restores of it by the core's own operations, each damaged in one way. */
export class DamageBed<Place> {
  private restored: string | undefined;

  private constructor(
    private readonly fixture: DamageFixture<Place>,
    private readonly damages: readonly SeededDamage<Place>[],
    private readonly backups: BackupTestBed,
    private readonly manifest: Manifest,
  ) {}

  static async start<Place>(
    fixture: DamageFixture<Place>,
    damages: readonly SeededDamage<Place>[],
  ): Promise<DamageBed<Place>> {
    const backups = await BackupTestBed.create();
    const { engine, method } = fixture;
    const attempt = backups.attempt(resolveDataset(fixture), { method });
    const manifest = await takeBackup(attempt, backups.depsOf(engine), signal);
    return new DamageBed(fixture, damages, backups, manifest);
  }

  /** What the probes say of a restore that nothing has happened to. */
  async ask(uses: readonly string[]): Promise<readonly ProbeOutcome[]> {
    return this.probe(uses, await this.newRestore());
  }

  /** Damages a restored destination by the damage of that name, and asks the probe that has to find it. */
  async suffer(name: string): Promise<Suffered> {
    const damage = this.damages.find((each) => each.name === name);
    if (damage === undefined) throw new Error(`there is no damage "${name}"`);
    const { use, found, does, undo } = damage;
    const destination = await this.newRestore();
    const place = this.fixture.open(destination);
    try {
      await does(place);
      const [outcome] = await this.probe([use], destination);
      if (outcome === undefined) throw new Error(`the probe ${use} said nothing`);
      const problems = outcome.evidence.flatMap(({ subject, problem }) =>
        problem === undefined ? [] : [`${subject}: ${problem}`],
      );
      return { outcome, problems, expected: fillIn(found, this.fixture.names(destination)) };
    } finally {
      await undo?.(place);
      await this.fixture.remove?.(destination);
    }
  }

  async close(): Promise<void> {
    await this.fixture.close();
    await this.backups.remove();
  }

  private async newRestore(): Promise<string> {
    const { copy } = this.fixture;
    if (copy === undefined) return this.restore();
    this.restored ??= await this.restore();
    const destination = this.fixture.newDestination();
    await copy(this.restored, destination);
    return destination;
  }

  private async restore(): Promise<string> {
    const { engine, newDestination } = this.fixture;
    const destination = newDestination();
    const order = { manifest: this.manifest, target: resolveTarget(this.fixture), destination, strategy: 'new' };
    const { repository, folder } = this.backups;
    const identity = { runId: randomUUID(), attempt: 1 };
    await restoreBackup({ ...order, identity }, { repository, engine, workDirectory: folder }, signal);
    return destination;
  }

  private async probe(uses: readonly string[], destination: string): Promise<readonly ProbeOutcome[]> {
    const { engine, params } = this.fixture;
    const probes = parseProfile({ probes: uses.map((use) => ({ use, ...params?.(use, destination) })) });
    const restored = { dataset: resolveDataset(this.fixture), target: resolveTarget(this.fixture), destination };
    const { outcomes } = await verifyRestore(
      { runId: randomUUID(), manifest: this.manifest, ...restored, profile: { name: 'damages', probes } },
      { repository: this.backups.repository, engine, now: () => new Date() },
      signal,
    );
    return outcomes;
  }
}

type Configured = Pick<DamageFixture<never>, 'engine' | 'dataset' | 'target'>;

function resolveDataset({ engine, dataset }: Configured): ProtectedDataset {
  const { schema, resolve } = engine.dataset;
  return resolve({ name: 'damaged', compression: { level: 1, threads: 1 } }, schema.parse(dataset));
}

function resolveTarget({ engine, target }: Configured): RestoreTarget {
  return engine.target.resolve({ name: 'staging' }, engine.target.schema.parse(target));
}

/** `{name}` is replaced by what stands for it. */
export const fillIn = (text: string, names: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
