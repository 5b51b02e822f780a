/** One element of the left side, and that of the right with the same name. */
export interface Joined<A, B> {
  readonly left: A;
  readonly right: B | undefined;
}

/** Every element of the left side with its counterpart; both sides are sorted by name, each name once. Memory: one element of each. */
export async function* joinSorted<A, B>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
  nameOf: { readonly left: (element: A) => string; readonly right: (element: B) => string },
): AsyncGenerator<Joined<A, B>> {
  const others = right[Symbol.asyncIterator]();
  try {
    let other = await others.next();
    for await (const element of left) {
      const name = nameOf.left(element);
      while (!other.done && nameOf.right(other.value) < name) other = await others.next();
      const isMatch = !other.done && nameOf.right(other.value) === name;
      yield { left: element, right: isMatch ? other.value : undefined };
    }
  } finally {
    await others.return?.();
  }
}
