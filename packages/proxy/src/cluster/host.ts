/** One endpoint of a cluster and its pool of HTTP/1 connections. */
import { place as textOf } from '../net/address.ts';
import type { HostPlace } from './place.ts';
import type { Pool, UpstreamConnection } from './upstream-connection.ts';

export class Host implements Pool {
  place: HostPlace;
  /** Address and port, which stay, as logs show them. */
  readonly text: string;
  /** Requests and TCP connections in flight: what least request compares. */
  active = 0;
  requests = 0;
  failures = 0;
  /** The last one used is the first one used again: what is not needed ends by the idle timeout, or the other side closes it. */
  readonly idle: UpstreamConnection[] = [];
  isGone = false;

  constructor(place: HostPlace) {
    this.place = place;
    this.text = textOf(place.address, place.port);
  }

  takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.idle.pop();
      if (connection === undefined || connection.isUsable) return connection;
    }
  }

  retire(): void {
    this.isGone = true;
    for (const connection of this.idle.splice(0)) connection.destroy();
  }
}
