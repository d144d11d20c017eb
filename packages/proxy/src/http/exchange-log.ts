/** One exchange as logs see it. */
import type { LogSubject } from '../log/subject.ts';
import { place } from '../net/address.ts';
import type { Exchange } from './exchange.ts';
import { nameBytes } from './request-state.ts';

export class ExchangeLog implements LogSubject {
  readonly #exchange: Exchange;
  readonly termination = undefined;
  readonly transportFailure = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get connection() {
    return this.#exchange.state.connection;
  }
  get remoteText() {
    const { remote, connection } = this.#exchange.state;
    return place(remote.text, remote === connection.source ? connection.sourcePort : 0);
  }
  get startMs() {
    return this.#exchange.startMs;
  }
  get startedAt() {
    return this.#exchange.startedAt;
  }
  get endedAt() {
    return this.#exchange.endedAt;
  }
  get method() {
    return this.#exchange.state.method;
  }
  get path() {
    return this.#exchange.state.path;
  }
  get authority() {
    return this.#exchange.state.authority;
  }
  get protocol() {
    return this.#exchange.state.head.minor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  }
  get status() {
    return this.#exchange.status;
  }
  get details() {
    return this.#exchange.details;
  }
  get flags() {
    return this.#exchange.flags;
  }
  get bytesReceived() {
    return this.#exchange.body.contentBytes;
  }
  get bytesSent() {
    return this.#exchange.bytesSent;
  }
  get host() {
    return this.#exchange.host;
  }
  get cluster() {
    return this.#exchange.target?.cluster.current;
  }
  get clusterName() {
    return this.#exchange.target?.cluster.name;
  }
  get routeName() {
    return this.#exchange.route?.name;
  }
  get upstreamLocal() {
    const socket = this.#exchange.upstream?.socket;
    return socket?.localAddress === undefined ? undefined : place(socket.localAddress, socket.localPort ?? 0);
  }
  get upstreamFailure() {
    return this.#exchange.upstreamFailure;
  }
  get metadata() {
    return this.#exchange.state.metadata;
  }

  requestHeader(lower: string): string | undefined {
    const { requestId, state } = this.#exchange;
    if (lower === 'x-request-id' && requestId !== undefined) return requestId;
    return state.joined(lower);
  }

  responseHeader(lower: string): string | undefined {
    const { response } = this.#exchange;
    if (lower === 'x-envoy-upstream-service-time') return response.serviceTime;
    return response.head?.values(nameBytes(lower))[0];
  }
}
