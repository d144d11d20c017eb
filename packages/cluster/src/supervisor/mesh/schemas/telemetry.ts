/** telemetry.istio.io Telemetry. */
import { selector, targetRef, targetRefs } from './common.ts';
import { choice, duration, list, map, message, number, optionalFlag, text } from './words.ts';

const providers = list('Providers of the mesh’s configuration.', message('One provider.', { name: text('Its name.') }, 'name'));
const side = choice('Of the client’s or the server’s proxy.', 'CLIENT_AND_SERVER', 'CLIENT', 'SERVER');
const match = message('Which proxies.', { mode: side });

const customTag = message('A tag of spans.', {
  literal: message('A fixed text.', { value: text('The text.') }, 'value'),
  formatter: message('A format of access logs.', { value: text('The format.') }, 'value'),
  environment: message(
    'A variable of the proxy’s environment.',
    { name: text('Its name.'), defaultValue: text('Where it is not set.') },
    'name',
  ),
  header: message('A header of the request.', { name: text('Its name.'), defaultValue: text('Where it is not there.') }, 'name'),
});

const metricMatch = message('Which metrics.', {
  mode: side,
  metric: choice(
    'One of the standard metrics.',
    'ALL_METRICS',
    'REQUEST_COUNT',
    'REQUEST_DURATION',
    'REQUEST_SIZE',
    'RESPONSE_SIZE',
    'TCP_OPENED_CONNECTIONS',
    'TCP_CLOSED_CONNECTIONS',
    'TCP_SENT_BYTES',
    'TCP_RECEIVED_BYTES',
    'GRPC_REQUEST_MESSAGES',
    'GRPC_RESPONSE_MESSAGES',
  ),
  customMetric: text('Any other metric, by name.'),
});

export const telemetry = message('Access logs, metrics and traces of workloads.', {
  selector,
  targetRef,
  targetRefs,
  accessLogging: list(
    'Access logs.',
    message('One log.', {
      match,
      providers,
      disabled: optionalFlag('Switches the log off.'),
      filter: message('Which requests are logged.', { expression: text('CEL expression.') }),
    }),
  ),
  metrics: list(
    'Metrics.',
    message('Of some providers.', {
      providers,
      reportingInterval: duration('Time between reports of open connections.'),
      overrides: list(
        'Changes of single metrics.',
        message('One change.', {
          match: metricMatch,
          disabled: optionalFlag('Switches the metric off.'),
          tagOverrides: map(
            'Changes of tags by name.',
            message('One tag.', {
              operation: choice('Sets the tag or takes it away.', 'UPSERT', 'REMOVE'),
              value: text('CEL expression for its value.'),
            }),
          ),
        }),
      ),
    }),
  ),
  tracing: list(
    'Traces.',
    message('Of some providers.', {
      match,
      providers,
      randomSamplingPercentage: { ...number('Share of the requests that are traced, in percent.'), nullable: true },
      disableSpanReporting: optionalFlag('Reports no spans.'),
      disableContextPropagation: optionalFlag('Passes no trace headers on.'),
      enableIstioTags: optionalFlag('Adds the mesh’s own tags.'),
      useRequestIdForTraceSampling: optionalFlag('Samples by the request’s id.'),
      customTags: map('Further tags by name.', customTag),
    }),
  ),
});
