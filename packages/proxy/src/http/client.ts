/** The connection that a request came on, as its exchange sees it. */
import type { Socket } from 'node:net';
import type { Outlet } from '../net/outlet.ts';
import type { Head } from './head.ts';

export interface Client {
  readonly socket: Socket;
  readonly outlet: Outlet;
  /** @param head of the request @returns the answer to it is the connection's last */
  wantsClose(head: Head): boolean;
  /** Something the waiting bytes waited for has happened. */
  continueReading(): void;
  onExchangeDone(closes: boolean, hasUnreadBody: boolean): void;
  /** @param lingers the client may still be sending */
  close(lingers: boolean): void;
}
