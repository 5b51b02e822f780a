interface MediaPlace {
  /** How to reach the storage; the secret key by reference. */
  readonly storage: object;
  /** Of the shop's pictures. */
  readonly bucket: string;
  readonly repository: string;
}

/**
 * What a holdfast.yaml says that protects the pictures of the sample shop: `datasets`, `targets`, `profiles`. SHOP_URL is the reference to the
 * database whose rows refer to them.
 */
export const toMediaSections = ({ storage, bucket, repository }: MediaPlace) => ({
  datasets: { media: { kind: 'bucket', url: `s3://${bucket}`, ...storage, repositories: [repository] } },
  targets: {
    pictures: {
      ...{ kind: 'bucket', url: `s3://${bucket}`, ...storage },
      accepts: { datasets: ['media'], strategies: ['new', 'sync'], destinations: ['/'] },
    },
  },
  profiles: {
    media: {
      probes: [
        { use: 'inventory', digests: 'full' },
        { use: 'media', url: '${env:SHOP_URL}', query: 'SELECT picture FROM products' },
      ],
    },
  },
});
