/** networking.istio.io Gateway, ServiceEntry and Sidecar: what stands at the edges of the mesh. */

import { destination, exportTo, workloadSelector } from './common.ts';
import { connectionPool } from './destination-rule.ts';
import { as, choice, flag, list, message, optionalFlag, port, text, textMap, texts } from './words.ts';
import { workload } from './workload.ts';

const tlsVersion = (description: string) => choice(description, 'TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');

const serverTls = message('TLS towards clients.', {
  httpsRedirect: flag('Answers plain HTTP with a redirection to HTTPS.'),
  mode: choice(
    'PASSTHROUGH leaves TLS to the service; SIMPLE and MUTUAL end it here, MUTUAL asks for a client certificate.',
    'PASSTHROUGH',
    'SIMPLE',
    'MUTUAL',
    'AUTO_PASSTHROUGH',
    'ISTIO_MUTUAL',
    'OPTIONAL_MUTUAL',
  ),
  credentialName: text('Secret of the gateway’s namespace with certificate and key.'),
  credentialNames: texts('Two of them, with keys of different kinds.'),
  caCertCredentialName: text('Secret with the authorities of client certificates.'),
  serverCertificate: text('File of the certificate.'),
  privateKey: text('File of its key.'),
  caCertificates: text('File of the authorities of client certificates.'),
  caCrl: text('File of revoked certificates.'),
  tlsCertificates: list(
    'Two certificates by file, with keys of different kinds.',
    message('One certificate.', {
      serverCertificate: text('File of the certificate.'),
      privateKey: text('File of its key.'),
      caCertificates: text('File of its authorities.'),
    }),
  ),
  subjectAltNames: texts('Names one of which a client’s certificate must carry.'),
  verifyCertificateSpki: texts('Hashes of public keys that clients may have, in base64.'),
  verifyCertificateHash: texts('Hashes of certificates that clients may have, in hexadecimal.'),
  minProtocolVersion: tlsVersion('Oldest version of TLS.'),
  maxProtocolVersion: tlsVersion('Newest version of TLS.'),
  cipherSuites: texts('Cipher suites that are offered.'),
  ecdhCurves: texts('Curves that are offered.'),
  insecureSkipVerify: optionalFlag('Trusts any client certificate.'),
});

const namedPort = {
  number: port('Number of the port.'),
  name: text('Name of the port.'),
  protocol: text('HTTP, HTTPS, HTTP2, GRPC, MONGO, TCP or TLS.'),
  targetPort: port('Port of the workload, where it is another one.'),
};

export const gateway = message('Ports and hosts that a gateway of the mesh serves; VirtualServices say where the requests go.', {
  selector: textMap('Labels of the gateway’s pods, such as istio: ingressgateway.'),
  servers: list(
    'What is served.',
    message(
      'One port with its hosts.',
      {
        port: message('The port.', namedPort, 'number', 'protocol', 'name'),
        hosts: texts('Names that are served; "namespace/name" takes routes from that namespace alone.'),
        tls: serverTls,
        name: text('Name of the server, for logs.'),
        bind: text('Address to listen on.'),
        defaultEndpoint: text('Reserved.'),
      },
      'port',
      'hosts',
    ),
  ),
});

export const serviceEntry = message(
  'Adds a service to the mesh’s registry: one outside the cluster, or machines beside it.',
  {
    hosts: texts('Names of the service.'),
    addresses: texts('Addresses of the service, or networks.'),
    ports: list('Ports of the service.', message('One port.', namedPort, 'number', 'name')),
    location: choice('Whether the service is part of the mesh.', 'MESH_EXTERNAL', 'MESH_INTERNAL'),
    resolution: choice('How its endpoints are found.', 'NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
    endpoints: list('Its endpoints.', workload),
    workloadSelector,
    exportTo,
    subjectAltNames: texts('Names one of which the service’s certificate must carry.'),
  },
  'hosts',
);

const captureMode = choice('Whether traffic to this listener is intercepted.', 'DEFAULT', 'IPTABLES', 'NONE');
const listenerPort = message('The port.', namedPort);

export const sidecar = message('What the sidecars of some workloads take in, and what they know of the mesh.', {
  workloadSelector,
  ingress: list(
    'Ports that the sidecar takes connections on.',
    message(
      'One port.',
      {
        port: listenerPort,
        bind: text('Address to listen on.'),
        captureMode,
        defaultEndpoint: text('Where the application listens, such as 127.0.0.1:8080.'),
        tls: serverTls,
        connectionPool,
      },
      'port',
    ),
  ),
  egress: list(
    'Services that the sidecar knows.',
    message(
      'One listener.',
      {
        hosts: texts('Services as "namespace/name"; "./*" are those of its own namespace.'),
        port: listenerPort,
        bind: text('Address to listen on.'),
        captureMode,
      },
      'hosts',
    ),
  ),
  inboundConnectionPool: connectionPool,
  outboundTrafficPolicy: message('What becomes of traffic to services that are not known.', {
    mode: choice('Refused, or passed on.', 'REGISTRY_ONLY', 'ALLOW_ANY'),
    egressProxy: as('A service that such traffic goes through.', destination),
  }),
});
