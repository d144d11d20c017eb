import { libc } from '../../libc.ts';

const fcntl = libc.func('int fcntl(int fd, int command, int argument)');
const F_SETFD = 2;

/** Undoes what Node does to every file it opens. For tests only. */
export function allowInheritance(fd: number): void {
  fcntl(fd, F_SETFD, 0);
}
