/** Questions about single calls. */
export { backedPorts } from '../traffic/backed-ports.ts';
export { decideClientTransport } from '../traffic/client-transport.ts';
export { endpointsOf } from '../traffic/clusters.ts';
export { findDestinationRule } from '../traffic/destination-rule.ts';
export { type Call, type CallEnd, type CallTransport, type CallVerdict, evaluateCall } from './evaluate-call.ts';
export { chooseDoor, type Door, doorsOf, type Entry, type EntryVerdict, evaluateEntry, routeAtGateway } from './gateway-call.ts';
export { normalizePath } from './normalize-path.ts';
export { type Routing, routeCall } from './route-call.ts';
export type { Answered, Forwarded, Leg, RouteRef } from './routing.ts';
