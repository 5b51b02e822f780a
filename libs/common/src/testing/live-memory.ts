const EVERY_MS = 250;

/**
 * What is alive: objects of the heap and the buffers beside it, each time after a full collection. Resident memory is no measure of that, for V8 lets
 * garbage lie while there is room. Undefined without a collector to call. `stop` returns the highest number of bytes.
 */
export function watchLiveMemory(collect: NodeJS.GCFunction | undefined): { readonly stop: () => number } | undefined {
  if (collect === undefined) return undefined;
  let peakBytes = 0;
  const look = (): void => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    peakBytes = Math.max(peakBytes, heapUsed + external);
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return peakBytes;
    },
  };
}
