import { destination, pino, stdSerializers } from 'pino';
import { createRedactor } from './redaction.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured lines. Fields first, then a message that is the same for every occurrence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Every line of the child carries the fields: runId, dataset, correlationid, … */
  child(fields: object): Logger;
}

export interface LoggerOptions {
  readonly service: string;
  readonly level: LogLevel;
  /** Every secret value of the configuration. */
  readonly secrets: readonly string[];
  /** Where stdout carries a result, as the CLI's does, lines go to stderr. */
  readonly to?: 'stdout' | 'stderr' | { write(line: string): void };
}

const error = stdSerializers.err;

/**
 * JSON lines without secrets: a line is redacted as a whole, after all fields, causes and stacks are in it, so nothing comes
 * around the redaction. Written synchronously, so that the last line before an exit is not lost.
 */
export function createLogger({ service, level, secrets, to = 'stdout' }: LoggerOptions): Logger {
  const redactor = createRedactor(secrets);
  const stream = typeof to === 'object' ? to : destination({ fd: to === 'stdout' ? 1 : 2, sync: true });
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: error, error, reason: error },
      hooks: { streamWrite: (line) => `${JSON.stringify(redactor.value(JSON.parse(line)))}\n` },
    },
    stream,
  );
}

/** For what needs a logger and has no reader. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
