import { doScaleJob, type ScaleJob } from './content-at-scale.js';
import { watchLiveMemory } from './live-memory.js';

/**
 * The process whose memory is watched: it loads what it needs, says so, does one piece of work, and stays until the watcher disconnects. Where the
 * collector can be called (`--expose-gc`), it also says how many bytes were alive at most.
 */
process.once('message', async (job: ScaleJob) => {
  const watch = watchLiveMemory(globalThis.gc);
  const count = await doScaleJob(job);
  process.send?.({ count, liveBytes: watch?.stop() });
});
process.send?.('ready');
