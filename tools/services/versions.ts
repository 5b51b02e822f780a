/** Every pin in one place: what is fetched, and where it listens. docker-compose.yml repeats the ports; a spec compares them. */
export const versions = {
  postgres18: '18.6.3',
  postgres15: '15',
  kafka: '4.1.1',
  scala: '2.13',
  log4j: '2.25.2',
  mavenDependencyPlugin: '3.8.1',
  versitygw: 'v1.8.0',
  temporal: 'v1.31.0',
  go: '1.27.3',
  valkey: '9.1.2.post2',
  meilisearch: '1.50.0',
} as const;

/** Below 32768: the kernel hands the ports above it to outgoing connections. */
const basePorts = {
  postgres18: 25432,
  postgres15: 25415,
  kafka: 29092,
  kafkaController: 29093,
  s3: 27070,
  redis: 26379,
  valkey: 26380,
  meilisearch: 27700,
} as const;

export type PortName = keyof typeof basePorts;

/** Parses HOLDFAST_PORT_OFFSET: a multiple of 100, so that no two checkouts' port sets can touch. Throws on anything else. */
export function parsePortOffset(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const offset = Number(text);
  if (!Number.isInteger(offset) || offset % 100 !== 0 || offset < 0 || offset > 3_500) {
    throw new Error(`HOLDFAST_PORT_OFFSET must be a multiple of 100 between 0 and 3500, not ${JSON.stringify(text)}`);
  }
  return offset;
}

/** The ports of one checkout: the base ports, each moved by the same offset. */
export function portsAt(offset: number): Readonly<Record<PortName, number>> {
  const moved = Object.entries(basePorts).map(([name, port]) => [name, port + offset] as const);
  return Object.fromEntries(moved) as Record<PortName, number>;
}
