/**
 * Does the work for each item, at most `limit` at once, and yields the results in the order of the items. After a failure no further item is begun,
 * and the ones on their way are waited for. Throws: what the items or the first failed work throws.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const underway: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      result.catch(() => undefined);
      underway.push(result);
      if (underway.length >= limit) yield await (underway.shift() as Promise<R>);
    }
    for (let next = underway.shift(); next !== undefined; next = underway.shift()) yield await next;
  } finally {
    await Promise.allSettled(underway);
  }
}
