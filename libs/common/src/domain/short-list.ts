/** "a, b, c and 12 more": of a list that can be long. */
export function toShortList(names: readonly string[], limit = 5): string {
  const rest = names.length - limit;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, limit).join(', ')} and ${rest} more`;
}
