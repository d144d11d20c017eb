/** The X.509 library over Node's own cryptography. It needs reflection metadata before it loads. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

// The two sets of types differ in detail only.
x509.cryptoProvider.set(webcrypto as never);

export { x509 };
export const { subtle } = webcrypto;
export type CryptoKey = webcrypto.CryptoKey;
export type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** ECDSA P-256 with SHA-256: every key this authority makes or signs with. */
export const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Positive, 127 bits, never zero (RFC 5280 §4.1.2.2). */
export function serialNumber(randomBytes: (size: number) => Uint8Array): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

export function certificatePem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

export async function privateKeyPem(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

export function generateKeys(): Promise<CryptoKeyPair> {
  return subtle.generateKey(ecdsa, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}
