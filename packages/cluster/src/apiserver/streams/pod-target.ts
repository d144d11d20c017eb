import { badRequest, internalError, type KubernetesObject } from '@palisade/kubernetes';
import type { Kubelet } from '../../contract.ts';
import type { HttpContext } from '../http/context.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The container a request means: the one named, else the annotated default, else the only one. @throws StatusError 400 */
export function pickContainer(pod: KubernetesObject, asked: string): string {
  const names = (list: { name: string }[] | undefined) => (list ?? []).map((container) => container.name);
  const { containers, initContainers, ephemeralContainers } = pod['spec'] ?? {};
  const podName = pod.metadata.name ?? '';
  if (asked !== '') {
    if ([...names(containers), ...names(initContainers), ...names(ephemeralContainers)].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  const own = names(containers);
  const annotated = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  if (annotated !== undefined && own.includes(annotated)) return annotated;
  if (own.length === 1) return own[0]!;
  const init = names(initContainers);
  const also = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${own.join(' ')}]${also}`);
}

/** @throws StatusError 400 when no node runs the pod, 500 when its node is gone */
export function kubeletOf(context: HttpContext, pod: KubernetesObject): Kubelet {
  const node: string = pod['spec']?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const kubelet = context.kubelets(node);
  if (kubelet === undefined) throw internalError(`error dialing backend: node "${node}" is not running`);
  return kubelet;
}
