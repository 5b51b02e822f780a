import { AppError } from '#common/errors/app-error.js';
import type { Engine } from './engine.js';
import { postgres } from './postgres/postgres.engine.js';

/** Every kind of store that this program knows. A new one adds its folder and a line here. */
const engines = [postgres] as const;

/** Throws: backup.unknown-kind; `what` names the backup. */
export function loadEngine(kind: string, what: string): Pick<Engine, 'kind' | 'facts'> {
  const engine = engines.find((each) => each.kind === kind);
  if (engine !== undefined) return engine;
  const known = engines.map((each) => each.kind).join(', ');
  throw new AppError('backup.unknown-kind', `${what} is of kind "${kind}"; this program knows ${known}`, { kind });
}
