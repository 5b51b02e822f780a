export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** How long to wait for what has been away so long already: about as long again, between both bounds. */
export const toOutageWaitMs = (awayMs: number, { firstMs, maxMs }: Backoff, random: number): number =>
  Math.round(Math.min(maxMs, Math.max(firstMs, awayMs)) * (0.75 + 0.25 * random));

/** How long to wait before try number `tries + 1`: doubled each time, with a cap. `random` in [0, 1) spreads the last quarter. */
export function toBackoffMs(tries: number, { firstMs, maxMs }: Backoff, random: number): number {
  const wholeMs = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, tries - 1)));
  return Math.round(wholeMs * (0.75 + 0.25 * random));
}
