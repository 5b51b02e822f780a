/** The first of many, and how many more there are: `a, b, c and 4 more`. */
export function toShown(items: readonly string[], limit = 10): string {
  const more = items.length > limit ? ` and ${items.length - limit} more` : '';
  return `${items.slice(0, limit).join(', ')}${more}`;
}
