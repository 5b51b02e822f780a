/** As far as one backup builds on others. */
export interface Link {
  readonly id: string;
  /** Ids of the backups that it builds on. */
  readonly needs: readonly string[];
}

/** Ids of those that cannot be restored for the sake of what they build on: it is not there, or it is broken or broken itself. */
export function findBroken(links: readonly Link[], isBroken: (id: string) => boolean): ReadonlySet<string> {
  const byId = new Map(links.map((link) => [link.id, link]));
  const broken = new Set<string>();
  const whole = new Set<string>();
  /** A backup that builds on itself, by whatever way, is broken: nothing is at its end. */
  const check = (id: string, above: readonly string[]): boolean => {
    if (broken.has(id) || above.includes(id)) return false;
    if (whole.has(id)) return true;
    const link = byId.get(id);
    const isWhole = link !== undefined && !isBroken(id) && link.needs.every((need) => check(need, [...above, id]));
    (isWhole ? whole : broken).add(id);
    return isWhole;
  };
  for (const { id } of links) check(id, []);
  return new Set(links.map(({ id }) => id).filter((id) => broken.has(id) && !isBroken(id)));
}

/** The same backups in their order, except that each comes after all that build on it: deleted so, none is ever there without what it needs. */
export function childrenFirst<T extends Link>(links: readonly T[]): T[] {
  const sorted = new Set<T>();
  const visit = (link: T, above: readonly string[]): void => {
    if (sorted.has(link) || above.includes(link.id)) return;
    for (const child of links) if (child.needs.includes(link.id)) visit(child, [...above, link.id]);
    sorted.add(link);
  };
  for (const link of links) visit(link, []);
  return [...sorted];
}
