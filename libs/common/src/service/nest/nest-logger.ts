import { toText } from '#common/errors/printable.js';
import type { Logger } from '#common/telemetry/logger.js';

/** Nest's own lines, as lines of ours. */
export const toNestLogger = (logger: Logger) => {
  const say =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]): void =>
      logger[level]({ nest: rest.filter((item) => typeof item === 'string') }, toText(message));
  return {
    log: say('debug'),
    verbose: say('debug'),
    debug: say('debug'),
    warn: say('warn'),
    error: say('error'),
    fatal: say('error'),
  };
};
