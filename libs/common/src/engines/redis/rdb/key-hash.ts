/** Both lanes of the last hash: returning an object for every key would cost more than the hash itself. */
export interface KeyHash {
  low: number;
  high: number;
}

/**
 * 64 bits of a key and its type, as two lanes of MurmurHash3. It finds loss and change, and a sum of it over all keys does not depend on their
 * order; it is no proof against a person who makes collisions. Written into `into`.
 */
export function hashKey(key: Uint8Array, seed: number, into: KeyHash): void {
  into.low = murmur(key, seed);
  into.high = murmur(key, seed ^ 0x5bd1e995);
}

function murmur(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash ^= mix(word);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= whole; at -= 1) rest = (rest << 8) | (bytes[at] as number);
  if (bytes.length > whole) hash ^= mix(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
