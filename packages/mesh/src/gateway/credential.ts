/** A Gateway's `credentialName`: a Kubernetes Secret as Envoy's two secrets, the key pair and the clients' authority. */
import { create } from '@bufbuild/protobuf';
import { type Secret, SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';

/** Names that begin so come from the control plane, all others from the agent. */
const scheme = 'kubernetes://';

export function keyPairSecret(credentialName: string): string {
  return `${scheme}${credentialName}`;
}

export function anchorsSecret(credentialName: string): string {
  return `${scheme}${credentialName}-cacert`;
}

export interface Credential {
  readonly name: string;
  readonly isMutual: boolean;
}

/**
 * `kubernetes.io/tls` (`tls.crt`, `tls.key`, `ca.crt`) or Istio's generic keys (`cert`, `key`, `cacert`); the clients' authority may also
 * stand in a Secret of its own, `NAME-cacert`.
 *
 * @param dataOf a Secret's decoded data in the gateway's namespace; undefined when there is none or it may not be read
 * @returns only what is complete: a half credential serves nobody
 */
export function renderCredential(
  { name, isMutual }: Credential,
  dataOf: (secretName: string) => Readonly<Record<string, string>> | undefined,
): Secret[] {
  const own = dataOf(name) ?? {};
  const certificate = own['tls.crt'] ?? own['cert'];
  const key = own['tls.key'] ?? own['key'];
  const separate = isMutual ? dataOf(`${name}-cacert`) : undefined;
  const anchors = separate?.['ca.crt'] ?? separate?.['cacert'] ?? own['ca.crt'] ?? own['cacert'];
  const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
  return [
    ...(certificate && key
      ? [
          create(SecretSchema, {
            name: keyPairSecret(name),
            type: { case: 'tlsCertificate', value: { certificateChain: inline(certificate), privateKey: inline(key) } },
          }),
        ]
      : []),
    ...(isMutual && anchors
      ? [create(SecretSchema, { name: anchorsSecret(name), type: { case: 'validationContext', value: { trustedCa: inline(anchors) } } })]
      : []),
  ];
}
