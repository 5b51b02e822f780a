import { benchBackup } from './backup.js';
import { benchMemory } from './memory.js';
import { parseOptions, usage } from './options.js';

const options = parseOptions(process.argv.slice(2));
if (options === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const bench = options.benchmark === 'backup' ? benchBackup : benchMemory;
  await bench(options);
}
