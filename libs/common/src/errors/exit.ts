/** What a `holdfast` process tells its caller by its exit status. Documented in docs/reference/exit-codes.md. */
export const Exit = { done: 0, failed: 1, badInput: 2, refused: 3, unreachable: 4 } as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];
