/** A place at which a gate stops what passes, once: the first message that fits, or the nth. */
export interface Breakpoint {
  /** Resolves when something waits there. */
  readonly reached: Promise<void>;
  /** Lets what waits pass, and everything after it. Called before anything came, it lets everything pass. */
  release(): void;
}

export interface Stop extends Pick<Breakpoint, 'reached' | 'release'> {
  /** Of what goes to the storage: it gets there, whether its sender is there to see it or not. */
  readonly land?: () => Promise<number>;
}

/** The gate's side of a breakpoint. */
export class Hold<Match> implements Breakpoint {
  readonly reached: Promise<void>;
  private arrived: () => void = () => undefined;
  private resume: (() => void) | undefined;
  private state: 'armed' | 'holding' | 'released' = 'armed';

  constructor(
    readonly match: Match,
    private nth = 1,
  ) {
    this.reached = new Promise((resolve) => {
      this.arrived = resolve;
    });
  }

  get isArmed(): boolean {
    return this.state === 'armed';
  }

  /** Asked once of every message that fits: whether it is the one. */
  isNth(): boolean {
    this.nth -= 1;
    return this.nth <= 0;
  }

  /** What came waits until `resume` is called. */
  stop(resume: () => void): void {
    if (this.state === 'released') {
      resume();
      return;
    }
    this.state = 'holding';
    this.resume = resume;
    this.arrived();
  }

  readonly release = (): void => {
    this.state = 'released';
    this.resume?.();
    this.resume = undefined;
  };
}
