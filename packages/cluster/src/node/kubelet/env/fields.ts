import { parseQuantity } from '@palisade/kubernetes';
import type { Container, Pod, ResourceFieldRef } from '../pod-types.ts';

/** What a container may learn about its pod. */
export interface PodFacts {
  readonly pod: Pod;
  readonly nodeName: string;
  readonly hostIPs: readonly string[];
  readonly podIPs: readonly string[];
  /** What stands for a limit that is not set. */
  readonly nodeCapacity: { readonly cpu: number; readonly memoryBytes: number };
}

/** Something a container needs does not exist or makes no sense; becomes CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContainerConfigError';
  }
}

/** Downward API, `fieldRef.fieldPath`. */
export function readField(facts: PodFacts, path: string): string {
  const { pod } = facts;
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return renderMap(metadata.labels);
    case 'metadata.annotations':
      return renderMap(metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIPs.join(',');
    case 'status.podIP':
      return facts.podIPs[0] ?? '';
    case 'status.podIPs':
      return facts.podIPs.join(',');
    default:
      throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
  }
}

/** `key="value"` lines, sorted, quoted as Go's %q does for text without control characters. */
function renderMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** Downward API, `resourceFieldRef`: a whole number of `divisor`, rounded up. */
export function readResource(facts: PodFacts, own: Container | undefined, ref: ResourceFieldRef): string {
  const all = [...facts.pod.spec.containers, ...(facts.pod.spec.initContainers ?? [])];
  const container = ref.containerName ? all.find((each) => each.name === ref.containerName) : own;
  if (container === undefined) throw new ContainerConfigError(`container "${ref.containerName ?? ''}" of resourceFieldRef not found`);
  const [kind, name] = ref.resource.split('.', 2);
  if ((kind !== 'limits' && kind !== 'requests') || name === undefined) {
    throw new ContainerConfigError(`unsupported container resource: ${ref.resource}`);
  }
  const limits = container.resources?.limits ?? {};
  const text = kind === 'limits' ? limits[name] : (container.resources?.requests?.[name] ?? limits[name]);
  const value = text === undefined ? fallback(facts, kind, name) : parseQuantity(text);
  const divisor = parseQuantity(ref.divisor && ref.divisor !== '0' ? ref.divisor : '1');
  return String(Math.ceil(Number((value / divisor).toFixed(9))));
}

function fallback(facts: PodFacts, kind: 'limits' | 'requests', name: string): number {
  if (kind === 'requests') return 0;
  if (name === 'cpu') return facts.nodeCapacity.cpu;
  if (name === 'memory') return facts.nodeCapacity.memoryBytes;
  return 0;
}
