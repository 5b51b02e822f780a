import { AppError } from '#common/errors/app-error.js';
import type { Engine } from './engine.js';
import { postgres } from './postgres/postgres.engine.js';

/** Every kind of store that this program knows. A new one adds its folder and a line here. */
const engines = [postgres] as const;

interface Named {
  readonly name: string;
}

type KnownEngine = Pick<Engine, 'kind' | 'facts'> & { readonly methods: readonly Named[] };

/** Throws: backup.unknown-kind; `what` names the backup. */
export function loadEngine(kind: string, what: string): KnownEngine {
  const engine = engines.find((each) => each.kind === kind);
  if (engine !== undefined) return engine;
  const known = engines.map((each) => each.kind).join(', ');
  throw new AppError('backup.unknown-kind', `${what} is of kind "${kind}"; this program knows ${known}`, { kind });
}

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
