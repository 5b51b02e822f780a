import { randomUUID } from 'node:crypto';
import type {
  BackupListView,
  DrillCoverageView,
  PlanEvaluationView,
  RequestView,
  RunListView,
  RunView,
  ScheduleView,
} from '#common/contracts/api-views.js';
import type { JsonObject } from '#common/domain/json.js';
import { AppError, type Problem } from '#common/errors/app-error.js';
import { type Code, Codes } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';

const TIMEOUT_MS = 10_000;
const HEALTH_TIMEOUT_MS = 5_000;

/**
 * The scheduler's HTTP API. Every call throws `api.unreachable` when no scheduler answers, `catalog.unavailable` when one does and its
 * catalog is away, else the problem that the API tells.
 */
export class ApiClient {
  constructor(private readonly options: { readonly url: string; readonly token: string } | undefined) {}

  /** Publishes a request; the id makes a repeated call harmless. */
  request(type: string, data: unknown): Promise<RequestView> {
    return this.call('POST', `/requests/${type}`, { id: randomUUID(), data });
  }

  findRequest(requestId: string): Promise<RequestView> {
    return this.call('GET', `/requests/${requestId}`);
  }

  run(runId: string): Promise<RunView> {
    return this.call('GET', `/runs/${runId}`);
  }

  runs(filter: JsonObject): Promise<RunListView> {
    return this.call('GET', `/runs?${query(filter)}`);
  }

  backups(filter: JsonObject): Promise<BackupListView> {
    return this.call('GET', `/backups?${query(filter)}`);
  }

  schedules(filter: JsonObject): Promise<{ schedules: ScheduleView[] }> {
    return this.call('GET', `/schedules?${query(filter)}`);
  }

  drills(): Promise<{ drills: DrillCoverageView[] }> {
    return this.call('GET', '/drills');
  }

  plans(): Promise<{ plans: PlanEvaluationView[] }> {
    return this.call('GET', '/plans');
  }

  pauseSchedule(name: string, body: { readonly reason?: string }): Promise<ScheduleView> {
    return this.call('POST', `/schedules/${encodeURIComponent(name)}/pause`, body);
  }

  resumeSchedule(name: string): Promise<ScheduleView> {
    return this.call('POST', `/schedules/${encodeURIComponent(name)}/resume`, {});
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    if (this.options === undefined) {
      const hint = 'Add `api: { token: … }` to the configuration, or add `--local`.';
      throw new AppError('api.unreachable', 'the configuration names no api', {}, { hint });
    }
    const { url, token } = this.options;
    const response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(async (error: unknown) => {
      throw await toUnanswered(url, error);
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok) return answer as T;
    throw toApiError(url, response.status, answer);
  }
}

/** A scheduler that waits for its catalog answers late, but its health within seconds. */
async function toUnanswered(url: string, cause: unknown): Promise<AppError> {
  if ((cause as Error).name !== 'TimeoutError')
    return new AppError('api.unreachable', `no scheduler answers at ${url}`, {}, { cause });
  const health = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
    .then((response) => response.json() as Promise<{ checks?: { catalog?: string } }>)
    .catch(() => undefined);
  const catalog = health?.checks?.catalog ?? 'ok';
  if (catalog !== 'ok') return toCatalogAway(url, catalog);
  const message = `the scheduler at ${url} does not answer within ${TIMEOUT_MS / 1_000} s`;
  return new AppError('api.unreachable', message, {}, { cause });
}

function toCatalogAway(url: string, why: string): AppError {
  const hint =
    "Check the PostgreSQL server under the scheduler's `catalog.url`, which its `/health/ready` tells about too; with the catalog lost, add `--local`.";
  return new AppError(
    'catalog.unavailable',
    `the scheduler at ${url} answers, but its catalog is away: ${why}`,
    {},
    { hint },
  );
}

function toApiError(url: string, status: number, answer: unknown): AppError {
  const problem = (answer as { error?: Partial<Problem> } | undefined)?.error;
  const code = problem?.code !== undefined && problem.code in Codes ? (problem.code as Code) : 'internal.bug';
  if (code === 'catalog.unavailable') return toCatalogAway(url, problem?.message ?? 'it does not answer');
  const options = problem?.hint === undefined ? {} : { hint: problem.hint };
  return new AppError(code, problem?.message ?? `the API answered with status ${status}`, problem?.context, options);
}

const query = (filter: JsonObject): string => {
  const given = Object.entries(filter).filter(([, value]) => value !== null);
  return new URLSearchParams(given.map(([key, value]): [string, string] => [key, toText(value)])).toString();
};

/** The repository and the configuration can be read all the same. */
export const isOutOfReach = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'api.unreachable' || error.code === 'catalog.unavailable');
