export interface TroubleDetails {
  /** A full sentence: what to do next. */
  readonly hint?: string;
  /** Whose end tells more. */
  readonly logFile?: string;
}

/** What a person at the terminal has to know: why it did not work, what to do next, and where to read on. */
export class Trouble extends Error {
  override readonly name = 'Trouble';

  constructor(
    message: string,
    readonly details: TroubleDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
