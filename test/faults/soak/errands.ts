import { type Asked, aRequest, produce, type RawMessage, runOf, toBinary } from '../../support/request.js';
import type { Cluster } from '../support/cluster.js';
import type { Asking, Choice, Dataset, Nonsense, Request } from './actions.js';
import { type Crew, callApi } from './crew.js';

/** A request, and the names of this system that it uses. */
export interface Errand {
  readonly request: Request;
  readonly id: string;
  readonly runId: string;
  /** Of a restore: what it writes to. */
  readonly database: string | undefined;
}

interface Sent extends Errand {
  again(): Promise<void>;
}

type Wish = { readonly type: string; readonly data: object; readonly time?: string; readonly database?: string };

const SECONDS_UNTIL_DEADLINE = 20;

/** Asks as other services do: on the bus as a producer, or through the API as a client that asks until it is heard. */
export class Errands {
  private readonly sent = new Map<number, Promise<Sent>>();

  constructor(
    private readonly cluster: Cluster,
    private readonly crew: Crew,
    private readonly seed: number,
  ) {}

  /** Resolves when it was taken over by the bus or by a scheduler. */
  ask(asking: Asking): Promise<unknown> {
    const sending = this.send(asking);
    this.sent.set(asking.number, sending);
    return sending;
  }

  async askAgain(number: number): Promise<void> {
    await (await this.find(number)).again();
  }

  all(): Promise<Errand[]> {
    return Promise.all(this.sent.values());
  }

  private find(number: number): Promise<Sent> {
    const sent = this.sent.get(number);
    if (sent === undefined) throw new Error(`request ${number} was not made`);
    return sent;
  }

  private async send({ number, request, via }: Asking): Promise<Sent> {
    const id = `soak-${this.seed}-${number}`;
    if (request.ask === 'nonsense' && isUnreadable(request.kind)) return this.sendRaw(id, request);
    const wish = await this.toWish(number, request);
    const named = { request, id, database: wish.database };
    if (via === 'api') {
      const again = () =>
        callApi<{ runId: string }>(this.crew, `/api/v1/requests/${wish.type}`, this.token, { id, data: wish.data });
      const { runId } = await again();
      return { ...named, runId, again: async () => void (await again()) };
    }
    const asked = aRequest(wish.type, wish.data, { id, ...(wish.time === undefined ? {} : { time: wish.time }) });
    return { ...named, runId: runOf(asked), again: await this.publish(asked.type, toBinary(asked)) };
  }

  private get token(): string {
    return `token-${this.cluster.id}`;
  }

  private async publish(type: string, message: RawMessage): Promise<() => Promise<void>> {
    const again = () => produce(this.cluster, type, message);
    await again();
    return again;
  }

  private async sendRaw(id: string, request: Extract<Request, { ask: 'nonsense' }>): Promise<Sent> {
    const asked: Asked = aRequest('backup.requested', { dataset: 'shop' }, { id });
    const { key = null, headers, value } = toBinary(asked);
    const message =
      request.kind === 'no JSON'
        ? { key, value: `{ "dataset": ${id}`, headers: headers ?? {} }
        : { key, value, headers: { ...headers, ce_type: 'backup.wished' } };
    return { request, id, runId: runOf(asked), database: undefined, again: await this.publish(asked.type, message) };
  }

  private async toWish(number: number, request: Request): Promise<Wish> {
    switch (request.ask) {
      case 'backup': {
        const deadlineAt = new Date(Date.now() + SECONDS_UNTIL_DEADLINE * 1_000).toISOString();
        const data = { dataset: request.dataset, ...(request.hasDeadline ? { deadlineAt } : {}) };
        return { type: 'backup.requested', data };
      }
      case 'restore':
        return this.toRestore(number, request);
      case 'verification': {
        const { request: restore, runId, database } = await this.find(request.restore);
        const dataset = restore.ask === 'restore' ? restore.dataset : 'shop';
        const [restored] = await this.cluster.catalog<{ id: string }>(
          `SELECT backup_id AS id FROM holdfast.restores WHERE run_id = '${runId}'`,
        );
        const data = {
          dataset,
          backup: restored?.id ?? 'latest',
          target: 'staging',
          destination: database,
          profile: 'quick',
        };
        return { type: 'verification.requested', data };
      }
      case 'replay': {
        const { ordersTopic, copiesTopic, projector } = this.cluster.estate;
        const to = request.mode === 'republish' ? { destination: copiesTopic, acceptReaders: [] } : {};
        const backup = await this.toBackup('shop', request.backup);
        const data = { dataset: 'shop', mode: request.mode, backup, topics: [ordersTopic], groups: [projector], ...to };
        return { type: 'replay.requested', data };
      }
      case 'cancel': {
        const { runId } = await this.find(request.request);
        return { type: 'run.cancel-requested', data: { runId, reason: 'the soak wants it' } };
      }
      case 'nonsense':
        return this.toNonsense(request.kind);
    }
  }

  private async toRestore(number: number, request: Extract<Request, { ask: 'restore' }>): Promise<Wish> {
    const { id } = this.cluster.estate;
    const database = request.into === 'new' ? `${id}_r${number}` : `${id}_${request.into.replace(' ', '')}`;
    const data = {
      ...{ dataset: request.dataset, backup: await this.toBackup(request.dataset, request.backup), target: 'staging' },
      ...{
        destination: database,
        strategy: request.into === 'new' ? 'new' : 'in-place',
        safetyBackup: request.safetyBackup,
      },
      ...(request.isVerified ? { profile: 'quick' } : {}),
    };
    return { type: 'restore.requested', data, database };
  }

  private async toBackup(dataset: Dataset, choice: Choice): Promise<string> {
    if (choice === 'latest') return choice;
    const backups = await this.cluster.catalog<{ id: string }>(
      `SELECT id FROM holdfast.backups
       WHERE dataset = '${dataset}' AND state = 'completed' AND purpose = 'regular' ORDER BY id`,
    );
    return backups[choice % Math.max(1, backups.length)]?.id ?? 'latest';
  }

  private toNonsense(kind: Nonsense): Wish {
    const restore = { dataset: 'shop', target: 'staging', destination: `${this.cluster.id}_never` };
    const past = new Date(Date.now() - 3 * 3_600_000).toISOString();
    if (kind === 'unknown dataset') return { type: 'backup.requested', data: { dataset: 'nobody' } };
    if (kind === 'unknown target') return { type: 'restore.requested', data: { ...restore, target: 'nowhere' } };
    if (kind === 'forbidden database')
      return { type: 'restore.requested', data: { ...restore, destination: 'postgres' } };
    return { type: 'restore.requested', data: restore, time: past };
  }
}

export const isUnreadable = (kind: Nonsense): boolean => kind === 'no JSON' || kind === 'unknown type';
