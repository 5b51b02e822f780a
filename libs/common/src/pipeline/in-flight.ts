/**
 * Does the work for each item, at most `limit` at once, and takes the next item only when there is room for it. After a failure no further item is
 * begun, and the ones on their way are waited for. Throws: what the items or the first failed work throws.
 */
export async function inFlight<T>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = items[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (failure === undefined) {
      try {
        const { done, value } = await source.next();
        if (done) return;
        await work(value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure === undefined) return;
  await source.return?.();
  throw failure.error;
}
