import { benchBackup } from './backup.js';
import { benchDamages } from './damages.js';
import { benchBackPressure } from './many/back-pressure.js';
import { benchManyDatasets } from './many/many-datasets.js';
import { benchMemory } from './memory.js';
import { type BenchOptions, parseOptions, usage } from './options.js';
import { benchShared } from './shared.js';

const benchmarks: Readonly<Record<BenchOptions['benchmark'], (options: BenchOptions) => Promise<void>>> = {
  backup: benchBackup,
  memory: benchMemory,
  'many-datasets': benchManyDatasets,
  'back-pressure': benchBackPressure,
  shared: benchShared,
  damages: benchDamages,
};

const options = parseOptions(process.argv.slice(2));
if (options === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  await benchmarks[options.benchmark](options);
}
