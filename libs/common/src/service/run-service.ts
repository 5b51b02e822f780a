import { AppError, toAppError } from '#common/errors/app-error.js';
import { createLogger } from '#common/telemetry/logger.js';
import { openService, type Service, type ServiceName } from './open-service.js';

/** Runs one service until a signal ends it. What stops it from starting is one line with a hint, and an exit code of its own. */
export async function runService(name: ServiceName, start: (service: Service) => Promise<void>): Promise<void> {
  let service: Service | undefined;
  try {
    service = await openService(name, process.argv);
    await start(service);
  } catch (error) {
    const problem = toStartProblem(error);
    const logger = service?.logger ?? createLogger({ service: name, level: 'info', secrets: [] });
    const { code, message, hint, context } = problem;
    logger.error(
      { code, hint, context, ...(code === 'internal.bug' ? { err: problem } : {}) },
      `cannot start: ${message}`,
    );
    await service?.shutdown.run('it could not start');
    process.exit(problem.exit);
  }
}

function toStartProblem(error: unknown): AppError {
  const { code, address = 'this machine', port = 0 } = error as { code?: string; address?: string; port?: number };
  if (code !== 'EADDRINUSE') return toAppError(error);
  return new AppError('service.port-taken', `port ${port} of ${address} is taken`, { port, address }, { cause: error });
}
