/** networking.istio.io WorkloadEntry, WorkloadGroup and ProxyConfig: workloads that are no pods, and settings of proxies. */
import { selector } from './common.ts';
import { count, list, map, message, port, text, textMap, texts, whole } from './words.ts';

export const workload = message('A machine beside the cluster that is part of the mesh.', {
  address: text('Its address, or a name to resolve.'),
  ports: map('Ports by name of the service’s port.', port('Number of the port.')),
  labels: textMap('Labels, as a pod’s.'),
  network: text('Network it belongs to.'),
  locality: text('Where it stands, as "region/zone/subzone".'),
  weight: count('Share of the traffic, relative to the others.'),
  serviceAccount: text('Service account that its identity names.'),
});

const probe = message('How its health is looked at.', {
  initialDelaySeconds: whole('Time before the first look.'),
  timeoutSeconds: whole('Time a look may take.'),
  periodSeconds: whole('Time between looks.'),
  successThreshold: whole('Good looks in a row before it counts as well.'),
  failureThreshold: whole('Bad looks in a row before it counts as not well.'),
  httpGet: message(
    'An HTTP request.',
    {
      path: text('Path to ask for.'),
      port: port('Port to ask.'),
      host: text('Host to ask.'),
      scheme: text('HTTP or HTTPS.'),
      httpHeaders: list('Headers to send.', message('One header.', { name: text('Its name.'), value: text('Its value.') })),
    },
    'port',
  ),
  tcpSocket: message('A connection.', { host: text('Host to connect to.'), port: port('Port to connect to.') }, 'port'),
  exec: message('A command.', { command: texts('The command and its arguments.') }, 'command'),
  grpc: message('The health service of gRPC.', { service: text('Name of the service to ask for.'), port: port('Port to ask.') }),
});

export const workloadGroup = message(
  'What WorkloadEntries that register themselves are made from.',
  {
    metadata: message('Labels and annotations of the entries.', {
      labels: textMap('Labels of the entries.'),
      annotations: textMap('Annotations of the entries.'),
    }),
    template: workload,
    probe,
  },
  'template',
);

export const proxyConfig = message('Settings of proxies.', {
  selector,
  concurrency: { ...whole('Threads of a proxy; 0 is one for each core.'), nullable: true },
  environmentVariables: textMap('Environment of a proxy.'),
  image: message('Image of a proxy.', { imageType: text('default, debug or distroless.') }),
});
