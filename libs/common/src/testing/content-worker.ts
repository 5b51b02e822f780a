import { doScaleJob, type ScaleJob } from './content-at-scale.js';

/** The process whose memory is watched: it loads what it needs, says so, does one piece of work, and stays until it is let go. */
process.once('message', (job: ScaleJob) => {
  void doScaleJob(job).then((count) => process.send?.(count));
});
process.send?.('ready');
