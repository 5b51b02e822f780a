/** A dataset of a recovery point, and the members that hold what it refers to. */
export interface OrderedMember {
  readonly dataset: string;
  readonly refersTo: readonly string[];
}

/** Members that refer to this one. */
export const referrersOf = <M extends OrderedMember>(dataset: string, members: readonly M[]): M[] =>
  members.filter(({ refersTo }) => refersTo.includes(dataset));

/** What refers to others comes first: what it refers to is then at least as new. Undefined where members refer to each other in a circle. */
export function inOrder<M extends OrderedMember>(members: readonly M[]): M[] | undefined {
  const ordered: M[] = [];
  const isPlaced = ({ dataset }: M): boolean => ordered.some((each) => each.dataset === dataset);
  while (ordered.length < members.length) {
    const next = members.find((each) => !isPlaced(each) && referrersOf(each.dataset, members).every(isPlaced));
    if (next === undefined) return undefined;
    ordered.push(next);
  }
  return ordered;
}
