import type { z } from 'zod';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { NewRun } from '#common/catalog/stores/runs/run-queue.store.js';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { EventWriter } from '#common/service/event-writer.js';
import { Installation } from '#common/service/installation.js';
import { aRun, CatalogTestBed } from './catalog-test-bed.js';

/** What a handler of runs is given: a real catalog, an installation as configured, and claimed runs, without a loop around it. */
export class RunTestBed {
  readonly events = new EventWriter({ instance: 'spec', topicPrefix: '' });

  private constructor(
    readonly bed: CatalogTestBed,
    readonly installation: Installation,
  ) {}

  static async open(config: z.input<typeof HoldfastConfig>): Promise<RunTestBed> {
    return new RunTestBed(await CatalogTestBed.open(), new Installation(HoldfastConfig.parse(config)));
  }

  get deps() {
    return { catalog: this.bed.catalog, events: this.events, installation: this.installation };
  }

  enqueue(kind: NewRun['kind'], request: NewRun['request'] & { readonly dataset: string }): Promise<NewRun> {
    const { dataset } = request;
    return this.bed.enqueue({ ...aRun({ kind, dataset, request }), resource: `${kind}:${dataset}`, maxAttempts: 9 });
  }

  /** The next attempt at the one open run; the one before has lost its claim by that. */
  async claim(): Promise<ClaimedRun> {
    await this.bed.admin.query(`UPDATE holdfast.runs SET claim_expires_at = now() WHERE state = 'running'`);
    const options = {
      ...{ kinds: ['backup', 'restore', 'verification', 'replay', 'drill'] as const, owner: 'spec', ttlMs: 600_000 },
      slots: { owner: 9, sourceHost: 9 },
    };
    const next = await this.bed.catalog.transaction((tx) => tx.runs.claimNext(options));
    if (next === undefined) throw new Error('there is no run to claim');
    return { ...next.run, claim: { ...next.claim, signal: new AbortController().signal } };
  }

  /** Until it is called again, no event of this type gets into the outbox: the transaction that writes it fails as a whole. */
  async refuse(type: string | undefined): Promise<void> {
    await this.bed.admin.query('ALTER TABLE holdfast.outbox DROP CONSTRAINT IF EXISTS spec_refuses');
    if (type === undefined) return;
    const check = `ADD CONSTRAINT spec_refuses CHECK (event_type <> '${type}') NOT VALID`;
    await this.bed.admin.query(`ALTER TABLE holdfast.outbox ${check}`);
  }

  async stateOf({ id }: Pick<NewRun, 'id'>): Promise<string> {
    const { rows } = await this.bed.admin.query('SELECT state FROM holdfast.runs WHERE id = $1', [id]);
    return rows[0].state;
  }

  /** Types of everything said so far, in order. */
  async said(): Promise<string[]> {
    const { rows } = await this.bed.admin.query('SELECT event_type FROM holdfast.outbox ORDER BY id');
    return rows.map(({ event_type }) => event_type);
  }

  /** Nothing asked, nothing done, nothing said, and nothing refused. */
  async clear(): Promise<void> {
    await this.refuse(undefined);
    await this.bed.admin.query('TRUNCATE holdfast.runs, holdfast.backups, holdfast.outbox CASCADE');
  }

  async close(): Promise<void> {
    await this.installation.close();
    await this.bed.close();
  }
}
