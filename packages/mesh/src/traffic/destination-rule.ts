/** DestinationRule: TLS towards a host, and its subsets (networking.istio.io/v1). What is not served is refused by name. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { notYet, readChoice, readFields, readLabels, readList, readString, readStrings, refuse } from '../resources/read.ts';
import { checkHost, isLabel, readExportTo, readPort } from './virtual-service/parse-names.ts';
import { hostCovers } from './virtual-service/select.ts';

export const ClientTlsMode = { disable: 'DISABLE', simple: 'SIMPLE', mutual: 'MUTUAL', istioMutual: 'ISTIO_MUTUAL' } as const;
export type ClientTlsMode = (typeof ClientTlsMode)[keyof typeof ClientTlsMode];

export interface ClientTls {
  readonly mode: ClientTlsMode;
  readonly sni?: string;
  readonly subjectAltNames: readonly string[];
  /** Files of the proxy's own container. */
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
}

export interface TrafficPolicy {
  /** Absent = decided by auto-mTLS. */
  readonly tls?: ClientTls;
  readonly loadBalancer?: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM';
  readonly ports: ReadonlyMap<number, Omit<TrafficPolicy, 'ports'>>;
}

export interface DestinationRule {
  readonly namespace: string;
  readonly name: string;
  /** Fully qualified; may begin with `*.`. */
  readonly host: string;
  readonly policy: TrafficPolicy;
  readonly subsets: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly policy?: TrafficPolicy;
  }[];
}

/** Refuses the whole object with MeshError when anything in it does not fit or is not served yet. */
export function parseDestinationRule(object: KubernetesObject, clusterDomain: string): DestinationRule {
  const { name = '', namespace = 'default' } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['host', 'trafficPolicy', 'subsets', 'exportTo'], notYet('workloadSelector')) ?? {};
  if (readExportTo(spec['exportTo'], 'spec.exportTo')) refuse('spec.exportTo', '"." is not yet supported: leave it out');
  const subsets = (readList(spec['subsets'], 'spec.subsets') ?? []).map((item, index) => {
    const field = `spec.subsets[${index}]`;
    const subset = readFields(item, field, ['name', 'labels', 'trafficPolicy']) ?? refuse(field, 'missing');
    const name = readString(subset['name'], `${field}.name`);
    if (!isLabel(name)) refuse(`${field}.name`, `"${name}": expected letters, digits and "-"`);
    return {
      name,
      labels: readLabels(subset['labels'], `${field}.labels`),
      ...(subset['trafficPolicy'] === undefined ? {} : { policy: readPolicy(subset['trafficPolicy'], `${field}.trafficPolicy`) }),
    };
  });
  const twice = subsets.find(({ name }, index) => subsets.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) refuse('spec.subsets', `"${twice.name}" stands there twice`);
  return {
    namespace,
    name,
    host: qualifyHost(checkHost(readString(spec['host'], 'spec.host'), 'spec.host'), namespace, clusterDomain),
    policy: readPolicy(spec['trafficPolicy'], 'spec.trafficPolicy'),
    subsets,
  };
}

/** A short name means the service in the resource's own namespace. */
export function qualifyHost(host: string, namespace: string, clusterDomain: string): string {
  return host.includes('.') || host === '*' ? host.toLowerCase() : `${host}.${namespace}.svc.${clusterDomain}`.toLowerCase();
}

const policyNotYet = notYet('connectionPool', 'outlierDetection', 'tunnel', 'proxyProtocol', 'retryBudget');
const balancerNotYet = notYet(
  ...['consistentHash', 'localityLbSetting', 'zoneAwareLbSetting', 'backendUtilization', 'warmup', 'warmupDurationSecs'],
);
const tlsNotYet = notYet('credentialName', 'insecureSkipVerify', 'caCrl');

function readPolicy(value: unknown, field: string): TrafficPolicy {
  const policy = readFields(value, field, ['tls', 'loadBalancer', 'portLevelSettings'], policyNotYet) ?? {};
  const ports = (readList(policy['portLevelSettings'], `${field}.portLevelSettings`) ?? []).map((item, index) => {
    const where = `${field}.portLevelSettings[${index}]`;
    const setting = readFields(item, where, ['port', 'tls', 'loadBalancer'], policyNotYet) ?? refuse(where, 'missing');
    const number = readPort(readFields(setting['port'], `${where}.port`, ['number'])?.['number'], `${where}.port.number`);
    if (saysNothing(setting, 'tls', 'loadBalancer')) refuse(where, 'says nothing: it needs tls or loadBalancer');
    return [number, readSettings(setting, where)] as const;
  });
  if (value !== undefined && value !== null && saysNothing(policy, 'tls', 'loadBalancer') && ports.length === 0)
    refuse(field, 'says nothing: it needs tls, loadBalancer or portLevelSettings');
  return { ...readSettings(policy, field), ports: new Map(ports) };
}

function saysNothing(fields: Readonly<Record<string, unknown>>, ...names: readonly string[]): boolean {
  return names.every((name) => fields[name] === undefined || fields[name] === null);
}

function readSettings(fields: Readonly<Record<string, unknown>>, field: string): Omit<TrafficPolicy, 'ports'> {
  const tls = readTls(fields['tls'], `${field}.tls`);
  const balancer = readFields(fields['loadBalancer'], `${field}.loadBalancer`, ['simple'], balancerNotYet);
  const simple = readChoice(
    balancer?.['simple'],
    `${field}.loadBalancer.simple`,
    ['UNSPECIFIED', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN', 'RANDOM'] as const,
    'UNSPECIFIED',
    ['PASSTHROUGH'],
  );
  const loadBalancer = simple === 'LEAST_CONN' ? 'LEAST_REQUEST' : simple;
  return { ...(tls && { tls }), ...(loadBalancer === 'UNSPECIFIED' ? {} : { loadBalancer }) };
}

function readTls(value: unknown, field: string): ClientTls | undefined {
  const known = ['mode', 'sni', 'subjectAltNames', 'clientCertificate', 'privateKey', 'caCertificates'];
  const tls = readFields(value, field, known, tlsNotYet);
  if (tls === undefined) return undefined;
  const mode = readChoice(tls['mode'], `${field}.mode`, Object.values(ClientTlsMode), ClientTlsMode.disable);
  const text = (name: string) => (tls[name] === undefined || tls[name] === '' ? {} : { [name]: readString(tls[name], `${field}.${name}`) });
  const files = ['clientCertificate', 'privateKey', 'caCertificates'] as const;
  if (mode === ClientTlsMode.istioMutual) {
    const foreign = files.find((name) => tls[name] !== undefined && tls[name] !== '');
    if (foreign !== undefined) refuse(`${field}.${foreign}`, 'ISTIO_MUTUAL uses the workload’s own certificate: leave it out');
  }
  if (mode === ClientTlsMode.mutual) {
    const missing = files.slice(0, 2).find((name) => tls[name] === undefined || tls[name] === '');
    if (missing !== undefined) refuse(`${field}.${missing}`, 'missing: MUTUAL needs clientCertificate and privateKey');
  }
  return {
    mode,
    subjectAltNames: readStrings(tls['subjectAltNames'], `${field}.subjectAltNames`),
    ...text('sni'),
    ...text('clientCertificate'),
    ...text('privateKey'),
    ...text('caCertificates'),
  };
}

/** The rule for a host: of the client's namespace before the service's before the root's, an exact host before a wildcard. */
export function findDestinationRule(
  rules: readonly DestinationRule[],
  host: string,
  places: { readonly client: string; readonly service: string; readonly root: string },
): DestinationRule | undefined {
  for (const namespace of new Set([places.client, places.service, places.root])) {
    const fitting = rules
      .filter((rule) => rule.namespace === namespace && hostCovers(rule.host, host))
      .sort((a, b) => b.host.length - a.host.length || (a.name < b.name ? -1 : 1));
    const found = fitting.find((rule) => rule.host === host) ?? fitting[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The settings for one port: the subset's before the rule's, the port's before the general ones. */
export function policyForPort(rule: DestinationRule | undefined, port: number, subset?: string): Omit<TrafficPolicy, 'ports'> {
  const own = rule?.subsets.find(({ name }) => name === subset)?.policy;
  const layers = [rule?.policy, rule?.policy.ports.get(port), own, own?.ports.get(port)];
  const tls = layers.findLast((layer) => layer?.tls !== undefined)?.tls;
  const loadBalancer = layers.findLast((layer) => layer?.loadBalancer !== undefined)?.loadBalancer;
  return { ...(tls && { tls }), ...(loadBalancer && { loadBalancer }) };
}
