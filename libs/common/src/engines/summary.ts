/** What reveals nothing by itself, and so stays outside of any seal. */
export interface Summary {
  /** UTC: the instant that a restore brings back. */
  readonly snapshotAt: string;
  /** What was backed up, for people. */
  readonly source: string;
  /** As the source counts. */
  readonly sourceSizeBytes: number;
  /** How much is in it, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Counts that come and go by themselves: a backup with other ones is not suspicious. */
  readonly varying?: readonly string[];
  /** What a restore may stumble over; for the one who asked for the backup, not for lists. */
  readonly warnings: readonly string[];
}
