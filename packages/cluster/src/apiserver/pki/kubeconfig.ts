import type { KeyPairPem } from './issue.ts';

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly clusterName: string;
  readonly userName: string;
  readonly caCertificatePem: string;
  readonly client: KeyPairPem;
}

/** A kubeconfig (v1 Config) as JSON, which is YAML too. */
export function renderKubeconfig(options: KubeconfigOptions): string {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const { clusterName, userName } = options;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: clusterName, cluster: { server: options.server, 'certificate-authority-data': encode(options.caCertificatePem) } }],
    users: [
      {
        name: userName,
        user: { 'client-certificate-data': encode(options.client.certificatePem), 'client-key-data': encode(options.client.privateKeyPem) },
      },
    ],
    contexts: [{ name: clusterName, context: { cluster: clusterName, user: userName, namespace: 'default' } }],
    'current-context': clusterName,
    preferences: {},
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
