import type { Manifest, ManifestObject } from '#common/contracts/manifest.js';
import { quoteArgument } from '#common/process/command.js';
import { contentPrefix } from '#common/repository/layout.js';

const S3_LOCATION = /^s3:\/\/(.+?) at (?:(https?:\/\/\S+)|Amazon S3 in (\S+))$/;
const FILE_LOCATION = /^file:\/\/(\/.*)$/;

/**
 * Shell commands that restore a backup with nothing of ours, to be run in an empty directory: fetch, check, unseal, and then what the
 * engine says. `objects` are those that a restore needs.
 */
export function toRestoreByHand(
  objects: readonly ManifestObject[],
  location: string,
  ofEngine: readonly string[],
): string[] {
  const commands = [
    '# In an empty directory:',
    ...(isEncrypted(objects) ? [IDENTITY_NEEDED] : []),
    ...toUnsealed(objects, location),
    ...ofEngine,
  ];
  // A line break in a name would end a comment and begin a command.
  return commands.map((line) => line.replace(/[\r\n]+/g, ' '));
}

/** The objects of a backup that another builds on, in a folder of its id: for the engine's own commands. */
export const toFetchNeeded = ({ backupId, objects }: Manifest, location: string): string[] => [
  `# What it builds on, backup ${backupId}:`,
  `mkdir ${backupId}`,
  `cd ${backupId}`,
  ...(isEncrypted(objects) ? ['ln --symbolic ../identity.txt identity.txt'] : []),
  ...toUnsealed(objects, location),
  'cd ..',
];

const isEncrypted = (objects: readonly ManifestObject[]): boolean =>
  objects.some(({ encryption }) => encryption === 'age');

const toUnsealed = (objects: readonly ManifestObject[], location: string): string[] => [
  ...objects.map(({ key, name }) => toFetch(key, name, location)),
  ...objects.map(({ name, sha256 }) => `echo ${quoteArgument(`${sha256}  ${name}`)} | sha256sum --check`),
  ...objects.flatMap(toUnseal),
];

/** Defines `content NAME`, which writes one shared content to its output: for the engine's own commands. */
export function toContentByHand(dataset: string, location: string, isEncrypted: boolean): string[] {
  const key = `${contentPrefix(dataset)}/$(printf %s "$1" | cut -c 1-2)/$1`;
  const s3 = S3_LOCATION.exec(location);
  const folder = FILE_LOCATION.exec(location)?.[1];
  const fetched = s3
    ? `aws s3 cp ${toPlace(s3)}/"${key}" - ${toServer(s3)} < /dev/null`
    : `cat ${quoteArgument(withoutSlash(folder ?? ''))}/"${key}"`;
  return [`content() { ${fetched}${isEncrypted ? ' | age --decrypt --identity identity.txt' : ''} | zstd -d -q -c; }`];
}

const IDENTITY_NEEDED =
  '# The objects are encrypted: put an identity of one of the recipients into the file identity.txt.';

/** Undone in the order opposite to that in which it was done. */
function toUnseal({ name, compression, encryption }: ManifestObject): string[] {
  const decrypted = name.replace(/\.age$/, '');
  return [
    ...(encryption === 'age' ? [`age --decrypt --identity identity.txt --output ${decrypted} ${name}`] : []),
    ...(compression === 'zstd' ? [`zstd -d ${decrypted}`] : []),
  ];
}

/** Credentials come from the operator's own environment or profile. */
function toFetch(key: string, name: string, location: string): string {
  const s3 = S3_LOCATION.exec(location);
  if (s3) {
    const [, place = ''] = s3;
    return `aws s3 cp ${quoteArgument(`s3://${withoutSlash(place)}/${key}`)} ${name} ${toServer(s3)}`;
  }
  const folder = FILE_LOCATION.exec(location)?.[1];
  if (folder !== undefined) return `cp ${quoteArgument(`${withoutSlash(folder)}/${key}`)} ${name}`;
  return `# fetch ${key} from ${location} as ${name}`;
}

const toPlace = ([, place = '']: readonly string[]): string => quoteArgument(`s3://${withoutSlash(place)}`);
const toServer = ([, , endpoint, region = '']: readonly (string | undefined)[]): string =>
  endpoint === undefined ? `--region ${quoteArgument(region)}` : `--endpoint-url ${quoteArgument(endpoint)}`;

const withoutSlash = (path: string): string => path.replace(/\/+$/, '');
