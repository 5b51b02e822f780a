import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { AppError } from '#common/errors/app-error.js';

/** `where` names the key in messages. Throws: config.invalid for what is no private key of Ed25519 in PEM. */
export function readSigningKey(pem: string, where: string): KeyObject {
  const hint =
    'Make one with `openssl genpkey -algorithm ed25519`, and name its file: ${file:/run/secrets/report-key}.';
  const key = parse(() => createPrivateKey(pem));
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new AppError('config.invalid', `${where} is no private key of Ed25519 in PEM`, {}, { hint });
}

/** Throws: request.invalid for what is no public key of Ed25519 in PEM. */
export function readPublicKey(pem: string, where: string): KeyObject {
  const hint = 'Make one of the private key with `openssl pkey -in KEY -pubout`.';
  // A private key would be read as its public half: it has no business where signatures are only checked.
  const key = pem.includes('PRIVATE KEY') ? undefined : parse(() => createPublicKey(pem));
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new AppError('request.invalid', `${where} is no public key of Ed25519 in PEM`, {}, { hint });
}

export const toPublicKey = (key: KeyObject): KeyObject => createPublicKey(key);

/** 64 raw bytes of Ed25519 over the bytes as they are, which `openssl pkeyutl -verify -rawin` checks with the public key. */
export const signBytes = (bytes: Uint8Array, key: KeyObject): Uint8Array => sign(null, bytes, key);

export const isSignedBy = (bytes: Uint8Array, signature: Uint8Array, publicKey: KeyObject): boolean =>
  verify(null, bytes, publicKey, signature);

/** What the library says of a key may quote it. */
function parse(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
