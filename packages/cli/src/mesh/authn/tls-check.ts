/** `palisade authn tls-check`: do client and server agree on TLS? The table of `istioctl authn tls-check` (Istio 1.1). */
import { MtlsMode } from '@palisade/mesh';
import { backedPorts, decideClientTransport, endpointsOf, findDestinationRule } from '@palisade/mesh/call';
import { type MeshService, type ServicePort, securityOf } from '@palisade/mesh/traffic';
import { type Answer, printAnswer, renderRows } from '../../output.ts';
import { findSourcePods } from '../ends.ts';
import { hasProxy, loadMesh, type MeshSource, type MeshSourceOptions, workloadOf } from '../source.ts';

interface TlsCheckOptions extends MeshSourceOptions {
  readonly namespace: string;
  readonly output: string;
}

export interface TlsCheck {
  readonly host: string;
  readonly status: 'OK' | 'CONFLICT';
  readonly server: string;
  readonly client: string;
  readonly authnPolicy: string;
  readonly destinationRule: string;
}

/** @returns 0; 1 when any row is a conflict */
export async function tlsCheck(first: string | undefined, second: string | undefined, options: TlsCheckOptions): Promise<number> {
  const source = await loadMesh(options);
  // A lone argument that is a host name asks from no pod in particular.
  const [pod, host] = second === undefined && first?.includes('.svc') ? [undefined, first] : [first, second];
  const rows = checkTls(source, { pod, host, namespace: options.namespace });
  if (rows.length === 0) {
    const known = source.snapshot.services.map(({ hostname }) => hostname);
    throw new Error(
      host === undefined ? 'There are no services' : `Cannot find service "${host}": there are ${known.slice(0, 8).join(', ')}`,
    );
  }
  printAnswer(tlsAnswer(rows), options.output);
  return rows.every(({ status }) => status === 'OK') ? 0 : 1;
}

export function tlsAnswer(rows: readonly TlsCheck[]): Answer {
  const header = ['HOST:PORT', 'STATUS', 'SERVER', 'CLIENT', 'AUTHN POLICY', 'DESTINATION RULE'];
  return { text: renderRows({ header, rows: rows.map((row) => Object.values(row)) }, ''), data: rows };
}

/** @param asked without a pod: as a mesh client of the service's own namespace */
export function checkTls(
  source: MeshSource,
  asked: { readonly pod: string | undefined; readonly host: string | undefined; readonly namespace: string },
): TlsCheck[] {
  const [client] = asked.pod === undefined ? [] : findSourcePods(source, asked.pod, asked.namespace);
  const isClientMeshed = client === undefined || hasProxy(client);
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(asked.host ?? '') ?? [];
  return source.snapshot.services
    .filter(
      (service) =>
        !host ||
        [service.hostname, `${service.name}.${service.namespace}`, `${service.name}.${service.namespace}.svc`].includes(host) ||
        (service.name === host && service.namespace === asked.namespace),
    )
    .sort((a, b) => (a.hostname < b.hostname ? -1 : 1))
    .flatMap((service) =>
      service.ports
        .filter((each) => port === undefined || each.port === Number(port))
        .map((each) => checkPort(source, service, each, client?.metadata.namespace ?? service.namespace, isClientMeshed)),
    );
}

function checkPort(
  source: MeshSource,
  service: MeshService,
  port: ServicePort,
  clientNamespace: string,
  isClientMeshed: boolean,
): TlsCheck {
  const { snapshot } = source;
  const places = { client: clientNamespace, service: service.namespace, root: snapshot.settings.rootNamespace };
  const rule = findDestinationRule(snapshot.destinationRules, service.hostname, places);
  const target = { service, port, rule, subset: '' };
  const endpoints = endpointsOf(target);
  const { kind } = decideClientTransport(target, endpoints, snapshot);
  const accepting = endpoints.filter(({ acceptsMtls }) => acceptsMtls).length;
  const byEndpoint = accepting === 0 ? 'HTTP' : accepting === endpoints.length ? 'mTLS' : 'HTTP/mTLS';
  const client = isClientMeshed ? { plain: 'HTTP', mesh: 'mTLS', originated: 'TLS', 'by-endpoint': byEndpoint }[kind] : 'HTTP';
  const sides = source.pods.filter(hasProxy).flatMap((pod) => {
    const workload = workloadOf(pod);
    // PeerAuthentications say nothing about the ports that Gateways open.
    if (workload.isGateway) return [];
    const own = backedPorts([service], workload).find((each) => each.port === port);
    if (own === undefined) return [];
    const { mtls } = securityOf(snapshot, workload);
    return [{ mode: mtls.ports.get(own.targetPort) ?? mtls.mode, decidedBy: mtls.decidedBy }];
  });
  const modes = new Set(sides.map(({ mode }) => mode));
  const server = modes.size === 0 ? 'HTTP' : modes.size > 1 ? 'MIXED' : serverNames[[...modes][0]!];
  const isConflict =
    (client !== 'mTLS' && modes.has(MtlsMode.strict)) ||
    (client === 'mTLS' && kind === 'mesh' && (modes.has(MtlsMode.disable) || accepting < endpoints.length)) ||
    (client === 'mTLS' && modes.has(MtlsMode.disable));
  return {
    host: `${service.hostname}:${port.port}`,
    status: isConflict ? 'CONFLICT' : 'OK',
    server,
    client,
    authnPolicy: policyName(sides[0]?.decidedBy ?? [], snapshot.settings.rootNamespace),
    destinationRule: rule === undefined ? '-' : `${rule.name}/${rule.namespace}`,
  };
}

const serverNames = { STRICT: 'mTLS', PERMISSIVE: 'HTTP/mTLS', DISABLE: 'HTTP' } as const;

/** `name/namespace`; the namespace is empty for what holds in the whole mesh. */
function policyName(decidedBy: readonly string[], rootNamespace: string): string {
  const old = /^(?:MeshPolicy (\S+)|Policy (\S+)\/(\S+))$/.exec(decidedBy[0] ?? '');
  if (old !== null) return old[1] === undefined ? `${old[3]}/${old[2]}` : `${old[1]}/`;
  const [namespace, name] = decidedBy.at(-1)?.split('/') ?? [];
  if (name === undefined) return '-';
  return namespace === rootNamespace ? `${name}/` : `${name}/${namespace}`;
}
