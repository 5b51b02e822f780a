import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

let isCalmed = false;

/**
 * kafkajs sets a timer in the past after every answer when nothing waits and nothing is throttled; Node 24 warns of it on every
 * process's stderr. There is nothing to check then, so no timer is set. Idempotent. Source: kafkajs issue 1751.
 */
export function calmRequestTimers(): void {
  if (isCalmed) return;
  isCalmed = true;
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
