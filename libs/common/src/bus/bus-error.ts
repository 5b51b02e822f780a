import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

/** Whatever the client library threw, as ours: an AppError stays itself, all else means that the bus did not answer as it should. */
export function toBusError(error: unknown, doing: string): AppError {
  if (error instanceof AppError) return error;
  const type = kafkaErrorType(error);
  return new AppError(
    'bus.unavailable',
    `cannot ${doing}: ${toText(error)}`,
    { ...(type === undefined ? {} : { kafkaError: type }) },
    { cause: error },
  );
}

/** Runs one exchange with the bus. Throws: bus.unavailable, or what `work` itself throws as AppError. */
export async function withBus<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toBusError(error, doing);
  }
}

/** The protocol's name for what a broker refused, `OFFSET_OUT_OF_RANGE`, also where kafkajs wrapped it. Undefined: no broker said anything. */
export function kafkaErrorType(error: unknown): string | undefined {
  if (error === undefined || error === null) return undefined;
  const { type, cause } = error as { type?: string; cause?: unknown };
  return type ?? kafkaErrorType(cause);
}
