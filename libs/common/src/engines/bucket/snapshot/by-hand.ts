import type { BucketFacts } from '#common/engines/bucket/facts.js';
import type { MadeBackup } from '#common/engines/engine.js';

/** In this order the lines of `objects.list` have them. */
const FIELDS = [
  ['key', '.key'],
  ['name', '.content.name'],
  ['sha256', '.content.contentSha256'],
  ['type', '.contentType // "binary/octet-stream"'],
  ['metadata', '.metadata // {} | tojson'],
  ['encoding', '.contentEncoding // ""'],
  ['cache', '.cacheControl // ""'],
  ['disposition', '.contentDisposition // ""'],
  ['language', '.contentLanguage // ""'],
  ['tags', '.tags // {} | to_entries | map((.key | @uri) + "=" + (.value | @uri)) | join("&")'],
] as const;

const LIST = `jq -r '[${FIELDS.map(([, path]) => `(${path})`).join(', ')}] | map(@base64) | join(",")' inventory.ndjson > objects.list`;

/** The mark behind the key keeps the shell from cutting line breaks at its end. */
const PUT = [
  'key="$(plain "$key"; echo .)"',
  [
    'aws s3api put-object --bucket "$BUCKET" --key "${key%.}" --body "$file"',
    '--content-type "$(plain "$type")" --metadata "$(plain "$metadata")"',
    ...(['encoding', 'cache', 'disposition', 'language'] as const).map(
      (field) => `\${${field}:+--content-${field} "$(plain "$${field}")"}`,
    ),
    '${tags:+--tagging "$(plain "$tags")"} < /dev/null > answer.json',
  ]
    .join(' ')
    .replace('--content-cache ', '--cache-control '),
  'rm "$file"',
];

/** A shell loop over the inventory. Keys travel as base64, so that a line break or a tab in one does no harm. */
export function toCommandsByHand({ facts }: MadeBackup<BucketFacts>): readonly string[] {
  const { bucket, prefix } = facts;
  return [
    `# The objects of s3://${bucket}/${prefix}: into a bucket after "export BUCKET=…", and AWS_ENDPOINT_URL=… for a server that is not of Amazon.`,
    '# Without BUCKET the content of the object in line N of objects.list, which begins with its key in base64, becomes restored/N.',
    'mkdir -p restored',
    LIST,
    'plain() { printf %s "$1" | base64 -d; }',
    'n=0',
    `while IFS=, read -r ${FIELDS.map(([name]) => name).join(' ')}; do`,
    '  n=$((n+1)); file="restored/$n"; content "$(plain "$name")" > "$file"',
    '  echo "$(plain "$sha256")  $file" | sha256sum --check --quiet',
    '  if [ -z "${BUCKET:-}" ]; then continue; fi',
    ...PUT.map((line) => `  ${line}`),
    'done < objects.list',
  ];
}
