/** `palisade ca root` and `ca rotate`: the mesh's trust anchors, through the objects the control plane keeps them in. */
import { createHash, X509Certificate } from 'node:crypto';
import { isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import type { HttpApiClient } from '@palisade/kubernetes/client';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { withClient } from '../netpol/live.ts';
import { printAnswer, renderRows } from '../output.ts';

interface CaOptions {
  readonly istioNamespace: string;
  readonly output: string;
  readonly kubeconfig?: string;
}

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const secrets = { group: '', version: 'v1', resource: 'secrets' };
const ownSecret = 'istio-ca-secret';

/** ConfigMap `istio-ca-bundle`, key `bundle.json`, as the control plane writes it. */
interface TrustBundle {
  readonly source: string;
  readonly signing: string;
  readonly roots: readonly {
    readonly fingerprint: string;
    readonly certificatePem: string;
    readonly addedAt: string;
    readonly retiredAt?: string;
  }[];
  readonly signsFrom?: string;
}

/** @returns 0 */
export async function root(options: CaOptions): Promise<number> {
  const bundle = await withClient(kubeconfigToUse(options.kubeconfig), (client) => readBundle(client, options.istioNamespace));
  const rows = bundle.roots.map((each) => {
    const certificate = new X509Certificate(each.certificatePem);
    const state =
      each.retiredAt !== undefined
        ? 'retired'
        : each.fingerprint === bundle.signing
          ? 'signing'
          : `signs from ${bundle.signsFrom ?? 'soon'}`;
    return [each.fingerprint.slice(0, 16), state, certificate.subject.replaceAll('\n', ', '), certificate.validToDate.toISOString()];
  });
  const table = renderRows({ header: ['FINGERPRINT', 'STATE', 'SUBJECT', 'NOT AFTER'], rows }, 'No root is known.');
  printAnswer({ text: `Roots from Secret ${options.istioNamespace}/${bundle.source}\n${table}`, data: bundle }, options.output);
  return 0;
}

/** @returns 0 */
export async function rotate(options: CaOptions): Promise<number> {
  const requestedAt = new Date().toISOString();
  const namespace = options.istioNamespace;
  await withClient(kubeconfigToUse(options.kubeconfig), async (client) => {
    if ((await find(client, secrets, namespace, 'cacerts')) !== undefined)
      throw new Error(`The root is yours: replace Secret ${namespace}/cacerts; both roots are then trusted for a while by themselves`);
    const annotations = { 'palisade.dev/rotate': requestedAt };
    await client.patch(secrets, { namespace, name: ownSecret }, PatchType.merge, { metadata: { annotations } });
  });
  const text = 'A new root is being made: it is distributed beside the old one, then signs. "palisade ca root" shows how far it is.';
  printAnswer({ text, data: { secret: `${namespace}/${ownSecret}`, requestedAt } }, options.output);
  return 0;
}

async function readBundle(client: HttpApiClient, namespace: string): Promise<TrustBundle> {
  const text = dataOf(await find(client, configMaps, namespace, 'istio-ca-bundle'), 'bundle.json');
  if (text !== undefined) return JSON.parse(text) as TrustBundle;
  const pem = dataOf(await find(client, configMaps, namespace, 'istio-ca-root-cert'), 'root-cert.pem');
  if (pem === undefined) throw new Error(`No authority is known in namespace ${namespace}: does a control plane run there?`);
  // A control plane that keeps no bundle has one root, which signs.
  const fingerprint = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  return { source: 'istio-ca-root-cert', signing: fingerprint, roots: [{ fingerprint, certificatePem: pem, addedAt: '' }] };
}

function dataOf(object: KubernetesObject | undefined, key: string): string | undefined {
  return (object?.['data'] as Record<string, string> | undefined)?.[key];
}

async function find(
  client: HttpApiClient,
  resource: typeof secrets,
  namespace: string,
  name: string,
): Promise<KubernetesObject | undefined> {
  try {
    return await client.get(resource, { namespace, name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}
