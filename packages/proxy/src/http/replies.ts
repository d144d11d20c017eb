/** What the proxy answers itself, in Envoy's words: people and tools look for them. */
import type { LocalReply } from './request-state.ts';

const before = 'upstream connect error or disconnect/reset before headers. reset reason:';

export const filterFailed: LocalReply = { status: 500, body: '', details: 'filter_failed' };
export const noRoute: LocalReply = { status: 404, body: '', flags: 'NR', details: 'route_not_found' };
export const unknownExpectation: LocalReply = { status: 417, body: '', details: 'expectation_failed' };
export const noCluster: LocalReply = { status: 503, body: '', flags: 'NC', details: 'cluster_not_found' };
export const noHealthyUpstream: LocalReply = { status: 503, body: 'no healthy upstream', flags: 'UH', details: 'no_healthy_upstream' };
export const timeout: LocalReply = { status: 504, body: 'upstream request timeout', flags: 'UT', details: 'response_timeout' };
export const stalled: LocalReply = { status: 408, body: 'stream timeout', flags: 'SI', details: 'stream_idle_timeout' };

export const upstreamEnded: LocalReply = {
  status: 503,
  body: `${before} connection termination`,
  flags: 'UC',
  details: 'upstream_reset_before_response_started{connection_termination}',
};

/** The client is told why TLS failed, nothing else. */
export function cannotConnect(reason: string, isTls: boolean): LocalReply {
  const why = isTls && /certificate|ssl|tls|handshake/i.test(reason) ? `, transport failure reason: TLS_error: ${reason}` : '';
  return {
    status: 503,
    body: `${before} connection failure${why}`,
    flags: 'UF',
    details: 'upstream_reset_before_response_started{connection_failure}',
  };
}
