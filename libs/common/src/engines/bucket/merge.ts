import { compareCodePoints } from '#common/domain/code-points.js';
import { AppError } from '#common/errors/app-error.js';

interface Keyed {
  readonly key: string;
}

export interface Pair<A, B> {
  readonly left: A | undefined;
  readonly right: B | undefined;
}

/** Both sides by key, each key once, where both are sorted by code points. Memory: one element of each. Throws: bucket.protocol for one that is not. */
export async function* mergeByKey<A extends Keyed, B extends Keyed>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
): AsyncGenerator<Pair<A, B>> {
  const [a, b] = [inOrder(left), inOrder(right)];
  try {
    let [one, other] = [await a.next(), await b.next()];
    while (!one.done || !other.done) {
      const order = compareSides(one, other);
      yield { left: order <= 0 ? (one.value as A) : undefined, right: order >= 0 ? (other.value as B) : undefined };
      if (order <= 0) one = await a.next();
      if (order >= 0) other = await b.next();
    }
  } finally {
    await a.return(undefined);
    await b.return(undefined);
  }
}

function compareSides(one: IteratorResult<Keyed, undefined>, other: IteratorResult<Keyed, undefined>): number {
  if (one.done) return 1;
  return other.done ? -1 : compareCodePoints(one.value.key, other.value.key);
}

async function* inOrder<T extends Keyed>(side: AsyncIterable<T>): AsyncGenerator<T, undefined, undefined> {
  let last: string | undefined;
  for await (const element of side) {
    if (last !== undefined && compareCodePoints(element.key, last) <= 0)
      throw new AppError(
        'bucket.protocol',
        `the server lists ${element.key} behind ${last}: its keys are not in order`,
      );
    last = element.key;
    yield element;
  }
}
