/** Gateway (networking.istio.io/v1) into its checked form. HTTP2 is taken and served as HTTP/1.1 for now. */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type NotYet,
  notYet,
  readChoice,
  readFields,
  readFlag,
  readLabels,
  readList,
  readOptional,
  readString,
  readStrings,
  refuse,
} from '../resources/read.ts';
import { checkAuthority, isLabel, readPort } from '../traffic/virtual-service/parse-names.ts';
import type { Gateway, Server, ServerHost, ServerTls, TlsVersion } from './model.ts';
import { tlsVersions } from './model.ts';

type Fields = Readonly<Record<string, unknown>>;

const served = ['HTTP', 'HTTP2', 'HTTPS'] as const;
const unserved = ['GRPC', 'GRPC-WEB', 'TCP', 'TLS', 'MONGO'];
const tlsModes = ['SIMPLE', 'MUTUAL'] as const;
const tlsModesNotYet = ['PASSTHROUGH', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'];
const tlsFields = ['mode', 'credentialName', 'httpsRedirect', 'minProtocolVersion', 'maxProtocolVersion', 'subjectAltNames'];
const inSecret = 'use credentialName';
const tlsNotYet: NotYet = {
  serverCertificate: inSecret,
  privateKey: inSecret,
  caCertificates: inSecret,
  caCertCredentialName: inSecret,
  credentialNames: inSecret,
  tlsCertificates: inSecret,
  ...notYet('caCrl', 'cipherSuites', 'ecdhCurves', 'insecureSkipVerify', 'verifyCertificateSpki', 'verifyCertificateHash'),
};

/** Refuses the whole object with MeshError when anything in it does not fit or is not served yet. */
export function parseGateway(object: KubernetesObject): Gateway {
  const { name = '', namespace = 'default', creationTimestamp } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['selector', 'servers']) ?? {};
  const selector = readLabels(spec['selector'], 'spec.selector');
  if (Object.keys(selector).length === 0) refuse('spec.selector', 'missing: without it every gateway of the mesh would open these ports');
  const servers = (readList(spec['servers'], 'spec.servers') ?? []).map((item, index) =>
    readServer(item, `spec.servers[${index}]`, namespace),
  );
  if (servers.length === 0) refuse('spec.servers', 'missing: expected at least one');
  if (!isLabel(name)) refuse('metadata.name', `"${name}": expected at most 63 letters, digits and "-"`);
  const twice = servers.findIndex(({ portName }, index) => servers.findIndex((other) => other.portName === portName) !== index);
  if (twice >= 0) refuse(`spec.servers[${twice}].port.name`, `"${servers[twice]!.portName}" is another server’s too`);
  return {
    namespace,
    name,
    createdSeconds: creationTimestamp ? Date.parse(creationTimestamp) / 1000 : 0,
    selector,
    servers,
  };
}

function readServer(value: unknown, field: string, namespace: string): Server {
  const server = readFields(value, field, ['port', 'hosts', 'tls', 'name'], notYet('bind', 'defaultEndpoint')) ?? refuse(field, 'missing');
  // A name for people.
  readOptional(server['name'], `${field}.name`);
  const targetPort = { targetPort: 'the Service’s target port decides' };
  const port =
    readFields(server['port'], `${field}.port`, ['number', 'name', 'protocol'], targetPort) ?? refuse(`${field}.port`, 'missing');
  const written = readString(port['protocol'], `${field}.port.protocol`).toUpperCase();
  const protocol = readChoice(written, `${field}.port.protocol`, served, 'HTTP', unserved);
  const hosts = readStrings(server['hosts'], `${field}.hosts`).map((host, index) => readHost(host, `${field}.hosts[${index}]`, namespace));
  if (hosts.length === 0) refuse(`${field}.hosts`, 'missing: expected at least one');
  const tls = readFields(server['tls'], `${field}.tls`, tlsFields, tlsNotYet);
  const redirect = readFlag(tls?.['httpsRedirect'], `${field}.tls.httpsRedirect`);
  const isTls = protocol === 'HTTPS';
  if (isTls && tls === undefined) refuse(`${field}.tls`, 'missing: HTTPS needs it');
  if (isTls && redirect) refuse(`${field}.tls.httpsRedirect`, 'only a plain HTTP server sends its clients to HTTPS');
  const lost = isTls ? undefined : Object.keys(tls ?? {}).find((name) => name !== 'httpsRedirect');
  if (lost !== undefined) refuse(`${field}.tls.${lost}`, `a server of protocol ${protocol} ends no TLS`);
  return {
    port: readPort(port['number'], `${field}.port.number`),
    portName: readString(port['name'], `${field}.port.name`),
    hosts,
    isRedirectedToHttps: redirect,
    ...(isTls ? { tls: readTls(tls!, `${field}.tls`) } : {}),
  };
}

function readHost(text: string, field: string, namespace: string): ServerHost {
  const [first, second, ...rest] = text.split('/');
  if (rest.length > 0) refuse(field, `"${text}": expected HOST or NAMESPACE/HOST`);
  const place = second === undefined ? '*' : first!;
  if (second !== undefined && !/^(?:\*|\.|[a-z0-9-]{1,63})$/.test(place))
    refuse(field, `"${text}": "${place}" is no namespace, "*" or "."`);
  const host = checkAuthority(second ?? first!, field);
  if (host !== '*' && !host.includes('.')) refuse(field, `"${text}" is a short name, expected "*" or a full one`);
  return { namespace: place === '.' ? namespace : place, host };
}

function readTls(tls: Fields, field: string): ServerTls {
  const mode = readChoice(tls['mode'] || 'PASSTHROUGH', `${field}.mode`, tlsModes, 'SIMPLE', tlsModesNotYet);
  const credentialName = readString(tls['credentialName'], `${field}.credentialName`);
  // Other namespaces and other stores are named by a scheme; a gateway reads its own namespace's Secrets.
  if (!/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(credentialName))
    refuse(`${field}.credentialName`, `"${credentialName}": expected the name of a Secret in the gateway’s namespace`);
  const subjectAltNames = readStrings(tls['subjectAltNames'], `${field}.subjectAltNames`);
  if (subjectAltNames.length > 0 && mode !== 'MUTUAL') refuse(`${field}.subjectAltNames`, 'only MUTUAL looks at clients’ certificates');
  const minVersion = readVersion(tls['minProtocolVersion'], `${field}.minProtocolVersion`, 'TLSV1_2');
  const maxVersion = readVersion(tls['maxProtocolVersion'], `${field}.maxProtocolVersion`, 'TLSV1_3');
  if (minVersion > maxVersion) refuse(`${field}.minProtocolVersion`, `${minVersion} is above maxProtocolVersion ${maxVersion}`);
  return { mode, credentialName, minVersion, maxVersion, subjectAltNames };
}

function readVersion(value: unknown, field: string, fallback: TlsVersion): TlsVersion {
  return value === 'TLS_AUTO' ? fallback : readChoice(value, field, tlsVersions, fallback);
}
