/** How a cache is emptied. */
export interface FlushOptions {
  readonly signal: AbortSignal;
  readonly pattern?: string | undefined;
  /** Only count. */
  readonly isPreview: boolean;
  readonly onProgress?: (removed: number) => void;
}
