import { type LogEntry, logLevel } from 'kafkajs';
import { toText } from '#common/errors/printable.js';

/** What the bus needs of a logger; pino's has this shape. */
export interface BusLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** kafkajs calls every retry an error: the caller that gives up in the end throws an AppError, so here it is a warning. */
export const toLogCreator =
  (logger: BusLogger) =>
  () =>
  ({ namespace, level, log: { message, logger: _, timestamp: __, stack: ___, error, ...fields } }: LogEntry): void => {
    const entry = { ...fields, ...(error === undefined ? {} : { reason: toText(error) }), kafkajs: namespace };
    if (level <= logLevel.WARN) logger.warn(entry, message);
    else if (level === logLevel.INFO) logger.info(entry, message);
    else logger.debug(entry, message);
  };
