import { type Check, CheckWarning } from '#common/engines/check.js';
import { toSize } from '../output/sizes.js';
import type { VerbContext } from '../verb.js';
import { storageCheckName } from './repository-check.js';

/** Can this dataset be backed up, whole, to somewhere else? What its own kind needs, the engine asks. */
export function datasetChecks(name: string, { installation, signal }: VerbContext): Check[] {
  const { repositories } = installation.datasetConfig(name);
  const schedules = Object.keys(installation.config.schedules).map((schedule) => installation.schedule(schedule));
  const methods = schedules.filter(({ dataset }) => dataset === name).map(({ method }) => method);
  const engine = installation.engineOf(name);
  const names = Object.keys(installation.config.datasets);
  const alike = names
    .filter((other) => installation.engineOf(other) === engine)
    .map((other) => installation.dataset(other));
  const ofEngine = engine.checks.dataset(installation.dataset(name), signal, { methods, alike });
  const needs = [...ofEngine.flatMap((check) => check.needs ?? []), ...repositories.slice(0, 1).map(storageCheckName)];
  return [
    ...ofEngine,
    {
      name: `dataset ${name}: fits into its repository`,
      needs: [...new Set(needs)],
      run: () => tellRoom(name, { installation, signal }),
    },
    { name: `dataset ${name}: repository on another host`, run: async () => tellPlace(name, installation) },
  ];
}

/** What is backed up is mostly larger than its largest object; storage that takes few parts may not hold it. */
async function tellRoom(
  name: string,
  { installation, signal }: Pick<VerbContext, 'installation' | 'signal'>,
): Promise<string> {
  const bytes = await installation.engineOf(name).checks.measure(installation.dataset(name), signal);
  const repository = installation.primaryRepository(name);
  const { maxObjectBytes } = await repository.traits({ signal });
  const found = `the dataset takes ${toSize(bytes)}`;
  if (maxObjectBytes === null) return `${found}, repository ${repository.name} sets no limit`;
  const limit = `an object of repository ${repository.name} holds ${toSize(maxObjectBytes)}`;
  if (bytes <= maxObjectBytes) return `${found}, ${limit}`;
  throw new CheckWarning(
    `${found}, and ${limit}: raise its \`partSizeBytes\`, or \`maxParts\` where the storage takes more`,
  );
}

/** A fire, a full disk or a wrong command on the source's host must not take the backups along. */
function tellPlace(name: string, installation: VerbContext['installation']): string {
  const engine = installation.engineOf(name);
  const dataset = installation.dataset(name);
  const [place, hosts] = [engine.place(dataset), engine.checks.hostNames(dataset)];
  const { repositories } = installation.datasetConfig(name);
  for (const repository of repositories) {
    const { url, endpoint } = installation.config.repositories[repository] ?? {};
    const storage = endpoint === undefined ? '' : new URL(endpoint).hostname;
    if (hosts.includes(storage) || url?.startsWith('file:')) {
      throw new CheckWarning(`repository ${repository} may be on the same host as the dataset (${place})`);
    }
  }
  return `${repositories.join(', ')} is elsewhere than ${place}`;
}
