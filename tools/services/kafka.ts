import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainEnv } from '#tools/process/plain-env.js';
import { runCommand } from '#tools/process/run-child.js';
import { launch, stopProcess } from './background.js';
import { ensureCommand } from './debian.js';
import { endpoints } from './endpoints.js';
import { fetchOnce } from './fetch-once.js';
import { exists } from './files.js';
import { type BrokerOptions, toBrokerProperties, toLogProperties, toPom } from './kafka-files.js';
import { countBrokers } from './kafka-metadata.js';
import { cacheDir, configFile, dataDir } from './paths.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

const { host, port, controllerPort } = endpoints.kafka;
const copyGoal = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}:copy-dependencies`;
const install = `kafka-${versions.kafka}`;

/** One Kafka node in KRaft mode, run from the jars that Maven resolves. */
export const kafka: Service = {
  name: 'kafka',
  version: versions.kafka,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await ensureCommand('java', 'default-jre-headless');
    await fetchOnce(install, copyJars);
  },
  start: startBroker,
  // Metadata with the one broker in it: a listening port alone says nothing about the controller behind it.
  isAnswering: async () => (await countBrokers(host, port)) === 1,
  stop: () => stopProcess('kafka', 'SIGTERM'),
};

async function copyJars(folder: string): Promise<void> {
  await ensureCommand('mvn', 'maven');
  await writeFile(join(folder, 'pom.xml'), toPom());
  const args = ['--batch-mode', '--quiet', copyGoal, `-DoutputDirectory=${join(folder, 'libs')}`];
  await runCommand('mvn', args, { cwd: folder }).catch((error: Error) => {
    throw new CannotInstall(`kafka ${versions.kafka} could not be fetched with Maven: ${error.message.split('\n')[0]}`);
  });
}

async function startBroker(): Promise<void> {
  const folder = dataDir('kafka');
  const files = { properties: configFile('kafka.properties'), logging: configFile('kafka-log4j2.properties') };
  const args = await prepareBroker({ folder, port, controllerPort, ...files });
  await launch('kafka', { port, file: 'java', args, cwd: folder });
}

/** Where one broker keeps its data and its settings. */
export interface BrokerPlace extends BrokerOptions {
  readonly properties: string;
  readonly logging: string;
}

/** Writes the settings, makes the storage when there is none, and returns what to call `java` with. */
export async function prepareBroker({ properties, logging, ...options }: BrokerPlace): Promise<readonly string[]> {
  const { folder } = options;
  await writeFile(properties, toBrokerProperties(options));
  await writeFile(logging, toLogProperties());
  const java = ['-cp', join(cacheDir, install, 'libs', '*'), `-Dlog4j2.configurationFile=${logging}`];
  if (!(await exists(join(folder, 'meta.properties')))) await formatStorage(folder, java, properties);
  return ['-Xms128m', '-Xmx384m', '-XX:+UseG1GC', ...java, 'kafka.Kafka', properties];
}

async function formatStorage(folder: string, java: readonly string[], properties: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url').replace(/^-/, 'A');
  const args = [...java, 'kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', properties];
  await runCommand('java', args, { env: plainEnv() });
}
