/** One child process to run. Arguments are visible to every user of the machine: secrets go into `env` or a file. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the base environment (base-environment.ts); nothing else of the parent's environment reaches the child. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Who it runs as, where this process is root and the program refuses that. Default: ourselves. */
  readonly user?: SystemUser | undefined;
}

/** A user of the operating system. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** How one child ended: `exitCode` or `signal` is set. */
export interface ChildEnd {
  readonly program: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines it wrote to stderr, 8 KiB at most. */
  readonly stderrTail: string;
}

export const DEFAULT_KILL_AFTER_MS = 10_000;

/** One argument as a shell reads it back. */
export const quoteArgument = (text: string): string =>
  /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
