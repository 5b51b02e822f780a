/** PostgreSQL's int8 as a number: counts, sizes and sequences here stay far below 2^53. */
export const int8 = (name: string) => ({
  name,
  type: 'bigint' as const,
  transformer: {
    to: (value: number | null) => value,
    from: (value: string | null) => (value === null ? null : Number(value)),
  },
});

export const instant = (name: string) => ({ name, type: 'timestamptz' as const });

/** Frozen: TypeORM writes the type into the options object that it is given. */
export const nullable = Object.freeze({ nullable: true });
