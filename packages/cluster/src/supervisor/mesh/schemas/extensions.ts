/** extensions.istio.io, and networking.istio.io EnvoyFilter: what is put into the proxy’s own configuration. */
import { selector, targetRef, targetRefs, workloadSelector } from './common.ts';
import { anything, choice, list, message, port, text, textMap, whole } from './words.ts';

const match = list(
  'Which traffic.',
  message('One alternative.', {
    mode: choice('Of the client’s or the server’s proxy.', 'UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER'),
    ports: list('Which ports.', message('One port.', { number: port('Its number.') }, 'number')),
  }),
);
const priority = { ...whole('Order of filters of one phase; the higher comes first.'), nullable: true };

const module = {
  url: text('Where the module is: file, http, https or oci.'),
  sha256: text('Its checksum.'),
  imagePullPolicy: choice('When it is fetched again.', 'UNSPECIFIED_POLICY', 'IfNotPresent', 'Always'),
  imagePullSecret: text('Secret to fetch it with.'),
  verificationKey: text('Reserved.'),
  pluginName: text('Name of the plugin in the module.'),
  pluginConfig: anything('Configuration of the plugin.'),
  type: choice('Filter of requests or of connections.', 'UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK'),
  failStrategy: choice('What happens when the module fails.', 'FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'),
  vmConfig: message('Of the machine that runs it.', {
    env: list(
      'Its environment.',
      message(
        'One variable.',
        {
          name: text('Its name.'),
          value: text('Its value.'),
          valueFrom: choice('Given here, or the proxy’s own.', 'INLINE', 'HOST'),
        },
        'name',
      ),
    ),
  }),
};

export const wasmPlugin = message(
  'A WebAssembly filter in the proxy.',
  {
    selector,
    targetRef,
    targetRefs,
    match,
    priority,
    phase: choice('Where in the chain of filters.', 'UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'),
    ...module,
  },
  'url',
);

export const trafficExtension = message('A WebAssembly or Lua filter in the proxy.', {
  selector,
  targetRefs,
  match,
  priority,
  phase: choice('Where in the chain of filters.', 'UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'),
  wasm: message('WebAssembly.', module, 'url'),
  lua: message('Lua.', { inlineCode: text('The code.') }, 'inlineCode'),
});

const named = (description: string) => message(description, { name: text('Its name.') });
const filter = message('A filter of the chain.', { name: text('Its name.'), subFilter: named('A filter within it.') });

const patchMatch = message('What is changed.', {
  context: choice('In which proxies.', 'ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT'),
  proxy: message('Of which proxies.', {
    proxyVersion: text('Expression for their version.'),
    metadata: textMap('Their metadata.'),
  }),
  listener: message('A listener.', {
    name: text('Its name.'),
    portNumber: port('Its port.'),
    portName: text('Reserved.'),
    listenerFilter: text('A listener filter.'),
    filterChain: message('A chain of filters.', {
      name: text('Its name.'),
      sni: text('Its server name.'),
      transportProtocol: text('Its transport protocol.'),
      transportSocket: text('Its transport socket.'),
      applicationProtocols: text('Its application protocols.'),
      destinationPort: port('Its destination port.'),
      filter,
    }),
  }),
  routeConfiguration: message('A route configuration.', {
    name: text('Its name.'),
    portNumber: port('Its port.'),
    portName: text('Name of its port.'),
    gateway: text('Its Gateway, as NAMESPACE/NAME.'),
    vhost: message('A virtual host.', {
      name: text('Its name.'),
      domainName: text('One of its domains.'),
      route: message('A route.', {
        name: text('Its name.'),
        action: choice('What it does.', 'ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE'),
      }),
    }),
  }),
  cluster: message('A cluster.', {
    name: text('Its name.'),
    service: text('Its service.'),
    subset: text('Its subset.'),
    portNumber: port('Its port.'),
  }),
  waypoint: message('A waypoint.', { portNumber: port('Its port.'), filter, route: named('A route.') }),
});

export const envoyFilter = message('Changes of Envoy’s configuration.', {
  workloadSelector,
  targetRefs,
  priority: whole('Order of several; the lower comes first.'),
  configPatches: list(
    'The changes, in this order.',
    message('One change.', {
      applyTo: choice(
        'What kind of thing is changed.',
        'INVALID',
        'LISTENER',
        'FILTER_CHAIN',
        'NETWORK_FILTER',
        'HTTP_FILTER',
        'ROUTE_CONFIGURATION',
        'VIRTUAL_HOST',
        'HTTP_ROUTE',
        'CLUSTER',
        'EXTENSION_CONFIG',
        'BOOTSTRAP',
        'LISTENER_FILTER',
      ),
      match: patchMatch,
      patch: message('How it is changed.', {
        operation: choice(
          'What is done.',
          'INVALID',
          'MERGE',
          'ADD',
          'REMOVE',
          'INSERT_BEFORE',
          'INSERT_AFTER',
          'INSERT_FIRST',
          'REPLACE',
          'MERGE_AND_REPLACE_LIST',
        ),
        filterClass: choice('Where a filter is put.', 'UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'),
        value: anything('Envoy’s own message, as JSON.'),
      }),
    }),
  ),
});
