import { down, reset, status, up } from './control.js';

const usage = `usage: npm run services -- up|down|status|reset [names…]

  up      start what does not run yet, wait until each really answers (fetches what is missing)
  down    stop what this checkout started; data stays
  status  a table; exit code 0 only when all are up
  reset   down, and wipe the data; downloads stay

names: postgres-18 postgres-15 kafka s3 redis valkey meilisearch (none = all)
HOLDFAST_PORT_OFFSET=100 moves every port, so that two checkouts can run side by side.`;

const commands = {
  up: (names: string[]) => up(names, print),
  down: (names: string[]) => down(names, print).then(() => true),
  status: (names: string[]) => status(names, print),
  reset: (names: string[]) => reset(names, print).then(() => true),
};

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main([verb = '', ...names]: string[]): Promise<number> {
  if (!Object.hasOwn(commands, verb)) {
    print(usage);
    return verb === '' || verb === '--help' ? 0 : 2;
  }
  return (await commands[verb as keyof typeof commands](names)) ? 0 : 1;
}

const exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`services: ${error.message}\n`);
  return 1;
});
// Timers of closed clients would keep this process for their two seconds.
process.exit(exitCode);
