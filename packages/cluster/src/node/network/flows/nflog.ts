import { closeSync } from 'node:fs';
import { bind, Linux, receive, send, setIntegerOption } from '../namespaces/native.ts';
import { netlinkIn } from '../namespaces/netns-sockets.ts';
import { type NflogPacket, parseNetlink, renderBind } from './nflog-message.ts';

export interface NflogReader {
  /** Packets that the kernel logged and that never arrived here. */
  readonly lost: number;
  /** Reads what waits now, without waiting for the next poll. */
  poll(): void;
  close(): void;
}

const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
/** A blocking read would hold one of libuv's threads for good; p50 of the delivery is 6.5 ms with this. */
const POLL_MS = 10;
const COPY_BYTES = 128;
/** Datagrams per poll: a flood must not keep the event loop from its other work. */
const MAX_DATAGRAMS = 200;

/**
 * Reads one NFLOG group of a namespace. Only one reader a group can exist in a namespace; a second one throws.
 *
 * @param onPacket must not throw; called in the order of logging
 */
export function openNflog(netns: string, group: number, onPacket: (packet: NflogPacket) => void): NflogReader {
  const fd = netlinkIn(netns, NETLINK_NETFILTER);
  const buffer = Buffer.alloc(256 * 1024);
  let lost = 0;
  let expected: number | undefined;
  let isOpen = true;

  function take(packet: NflogPacket): void {
    if (packet.sequence !== undefined) {
      if (expected !== undefined) lost += (packet.sequence - expected) >>> 0;
      expected = (packet.sequence + 1) >>> 0;
    }
    onPacket(packet);
  }

  function poll(): void {
    for (let count = 0; isOpen && count < MAX_DATAGRAMS; count++) {
      const length = receive(fd, buffer);
      if (length <= 0) return;
      for (const message of parseNetlink(buffer.subarray(0, length))) if (message.kind === 'packet') take(message.packet);
    }
  }

  try {
    bind(fd, netlinkAddress(), `netfilter netlink in ${netns}`);
    setIntegerOption(fd, Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
    setIntegerOption(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
    send(fd, renderBind(group, COPY_BYTES));
    // Configuration is done inside of send(2): the answer is there already.
    const length = receive(fd, buffer);
    const answer = length > 0 ? parseNetlink(buffer.subarray(0, length)).find((message) => message.kind === 'answer') : undefined;
    if (answer?.code !== 0)
      throw new Error(
        `Cannot read NFLOG group ${group} in ${netns}: the kernel answered ${answer?.code ?? 'nothing'} (negative errno); is another reader bound?`,
      );
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const timer = setInterval(poll, POLL_MS);
  timer.unref();
  return {
    get lost() {
      return lost;
    },
    poll,
    close() {
      if (!isOpen) return;
      isOpen = false;
      clearInterval(timer);
      closeSync(fd);
    },
  };
}

/** `sockaddr_nl` (netlink(7)): no multicast groups, port chosen by the kernel. */
function netlinkAddress(): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(Linux.AF_NETLINK, 0);
  return bytes;
}
