/** What the catalog notifies about. Payloads: the run's kind, the run's id, nothing. */
export const Channels = {
  runQueued: 'holdfast_run_queued',
  runCancelled: 'holdfast_run_cancelled',
  outboxAdded: 'holdfast_outbox_added',
} as const;
