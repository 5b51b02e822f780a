export const serviceNames = ['postgres-18', 'postgres-15', 'kafka', 's3', 'redis', 'valkey', 'meilisearch'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** One server that runs in the background. Each method may be called again at any time. */
export interface Service {
  readonly name: ServiceName;
  readonly version: string;
  readonly port: number;
  /** An optional one that cannot be had is skipped with a line, unless it is asked for by name. */
  readonly isOptional: boolean;
  /** Fetches what is missing. Throws `CannotInstall` with one line that says what to install. */
  ensureInstalled(): Promise<void>;
  /** Prepares the data directory and launches the process; does not wait for it to answer. */
  start(): Promise<void>;
  /** Asks the server itself (a query, a metadata request, PING, health), for two seconds at most. Never throws. */
  isAnswering(): Promise<boolean>;
  /** Whether what answers is no real server but a stand-in of ours, which everything that shows the service has to say. */
  isStandIn?(): Promise<boolean>;
  /** Why a start would choose the stand-in; undefined: it would choose a real server. */
  whyStandIn?(): Promise<string | undefined>;
  /** Returns once the process is gone. */
  stop(): Promise<void>;
}

/** Says in one line what a person has to install. */
export class CannotInstall extends Error {
  override readonly name = 'CannotInstall';
}

export type Print = (line: string) => void;
