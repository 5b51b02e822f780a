import { AppError } from '#common/errors/app-error.js';
import { bucket } from './bucket/bucket.engine.js';
import type { Engine, RestoreDriver, RestoreTarget, TargetKind } from './engine.js';
import { kafka } from './kafka/kafka.engine.js';
import { meilisearch } from './meilisearch/meilisearch.engine.js';
import { postgres } from './postgres/postgres.engine.js';
import { redis } from './redis/redis.engine.js';
import { temporal } from './temporal/temporal.engine.js';

/** Every kind of dataset that this program knows. A new one adds its folder and a line here. */
export const engines: readonly [Engine, ...Engine[]] = [postgres, bucket, kafka, redis, meilisearch, temporal];

interface Named {
  readonly name: string;
}

/** Throws: backup.unknown-kind; `what` names the backup, dataset or target. */
export function loadEngine(kind: string, what: string): Engine {
  const engine = engines.find((each) => each.kind === kind);
  if (engine !== undefined) return engine;
  const known = engines.map((each) => each.kind).join(', ');
  throw new AppError('backup.unknown-kind', `${what} is of kind "${kind}"; this program knows ${known}`, { kind });
}

const targetKindsOf = (engine: Engine): readonly TargetKind[] => [engine, ...(engine.otherTargets ?? [])];

/** Every kind of place to which some backup can be restored. */
export const targetKinds = engines.flatMap(targetKindsOf) as [TargetKind, ...TargetKind[]];

/** Throws: backup.unknown-kind; `what` names the target. */
export function loadTargetKind(kind: string, what: string): TargetKind {
  const found = targetKinds.find((each) => each.kind === kind);
  return found ?? loadEngine(kind, what);
}

/** Of which kind the datasets are whose backups a kind of target takes. Throws: backup.unknown-kind. */
export function datasetKindOf(targetKind: string): string {
  const engine = engines.find((each) => targetKindsOf(each).some(({ kind }) => kind === targetKind));
  return (engine ?? loadEngine(targetKind, 'a target')).kind;
}

/** Every driver of backups of a kind, wherever it restores them to. */
export const driversOf = (kind: string): readonly RestoreDriver<RestoreTarget, object>[] =>
  engines
    .filter((engine) => engine.kind === kind)
    .flatMap((engine) => targetKindsOf(engine).flatMap(({ restores }) => restores));

/** The method of this name, the engine's first where there is no name. Throws: request.refused, naming those that there are. */
export function loadMethod<M extends Named>(
  { kind, methods }: { readonly kind: string; readonly methods: readonly M[] },
  name: string | undefined,
): M {
  const method = name === undefined ? methods[0] : methods.find((each) => each.name === name);
  if (method !== undefined) return method;
  const known = methods.map((each) => each.name);
  const said = `there is no method "${name ?? 'default'}" for datasets of kind ${kind}; there is: ${known.join(', ') || 'none'}`;
  throw new AppError('request.refused', said, { known });
}

/** Which method of its kind a request, a schedule or a reference to the latest backup means. Throws: request.refused; backup.unknown-kind. */
export const resolveMethod = (kind: string, name: string | undefined): string =>
  loadMethod(loadEngine(kind, 'a dataset'), name).name;
/** Throws: backup.unknown-kind for a method of which this program knows no restore; `what` names the backup. */
export function loadDriver<T extends RestoreTarget, F extends object>(
  { kind, restores }: Pick<TargetKind<never, T, F>, 'kind' | 'restores'>,
  method: string,
  what: string,
): RestoreDriver<T, F> {
  const driver = restores.find((each) => each.method === method);
  if (driver !== undefined) return driver;
  const known = restores.map((each) => each.method);
  const [first = 'METHOD'] = known;
  const message = `${what} was made by method "${method}"; to a target of kind ${kind} this program restores ${known.join(', ')}`;
  const hint = `Name a backup by one of these methods: \`latest:${first}\`, or on the command line DATASET@latest:${first}.`;
  throw new AppError('backup.unknown-kind', message, { kind, method }, { hint });
}
