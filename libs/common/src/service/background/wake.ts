/** One waiter, any number of reasons to go on. A call before the wait is not lost. */
export class Wake {
  private isCalled = false;
  private resume: (() => void) | undefined;

  call(): void {
    this.isCalled = true;
    this.resume?.();
  }

  /** Resolves when called, at once if it was called since the last wait, or after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.isCalled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.resume = undefined;
    this.isCalled = false;
  }
}
