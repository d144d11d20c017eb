import { constants, readdirSync, statfsSync } from 'node:fs';
import { check, libc, MountFlag, mount } from '../../libc.ts';

const pipe2Call = libc.func('int pipe2(_Out_ int *fds, int flags)');
const ioctlCall = libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)');
const ioctlWithFlags = libc.func('int ioctl(int fd, unsigned long request, long flags)');
const fcntlCall = libc.func('int fcntl(int fd, int command, int argument)');

const O_CLOEXEC = 0o2000000;

export function makePipe(): { readonly read: number; readonly write: number } {
  const fds = [0, 0];
  check('pipe2', pipe2Call(fds, O_CLOEXEC), 'no pipe for a container');
  return { read: fds[0]!, write: fds[1]! };
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Node opens its own files so that children do not get them, but passes on what it was started with: a folder that some shell left open would be
 * a way out of every container.
 */
export function keepInheritedFiles(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    // The listing's own descriptor is gone by now: nothing to check.
    if (fd > 2) fcntlCall(fd, F_SETFD, FD_CLOEXEC);
  }
}

/** @param options such as `size=64m,mode=0755` */
export function mountTmpfs(target: string, options: string): void {
  mount('palisade', target, 'tmpfs', MountFlag.noSuid | MountFlag.noDev, options);
}

export function remountReadOnly(target: string): void {
  mount('palisade', target, 'tmpfs', MountFlag.remount | MountFlag.readOnly | MountFlag.noSuid | MountFlag.noDev);
}

const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TIOCSWINSZ = 0x5414;

const OPEN_FLAGS = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;

/** The other side of an opened ptmx. */
export function openPeer(master: number): number {
  check('ioctl', ioctlCall(master, TIOCSPTLCK, Buffer.alloc(4)), 'unlock a terminal');
  return check('ioctl', ioctlWithFlags(master, TIOCGPTPEER, OPEN_FLAGS), 'open a terminal');
}

const DEVPTS_MAGIC = 0x1cd1;

export function isDevpts(fd: number): boolean {
  return statfsSync(`/proc/self/fd/${fd}`).type === DEVPTS_MAGIC;
}

export function resizeTerminal(master: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(Math.min(rows, 65535), 0);
  size.writeUInt16LE(Math.min(columns, 65535), 2);
  check('ioctl', ioctlCall(master, TIOCSWINSZ, size), `resize a terminal to ${columns} × ${rows}`);
}
