import { BaseRpcContext } from '@nestjs/microservices';

/** Where an event came from, handed to its handler as the second argument. */
export class BusContext extends BaseRpcContext<readonly unknown[]> {
  private failure: { readonly error: unknown } | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: string,
  ) {
    super([topic, partition, offset]);
  }

  /** Remembers what the handler threw: Nest's exception filters replace it by "Internal server error". */
  fail(error: unknown): void {
    this.failure ??= { error };
  }

  get failed(): { readonly error: unknown } | undefined {
    return this.failure;
  }
}
