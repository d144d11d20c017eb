import koffi from 'koffi';

/** For the few calls Node has no word for: what both sides of a node need is here, the rest in their `native.ts`. Numbers are Linux's, x86-64 and arm64 agree on them. */
export const libc = koffi.load('libc.so.6');

const mountCall = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *options)',
);
const unmountCall = libc.func('int umount2(const char *target, int flags)');

export const MountFlag = { readOnly: 1, noSuid: 2, noDev: 4, remount: 32, bind: 4096 } as const;
const MNT_DETACH = 2;

/** A system call that failed; `code` is the errno's name, as in Node's own errors. */
export class SystemCallError extends Error {
  readonly syscall: string;
  readonly errno: number;
  readonly code: string;
  constructor(syscall: string, errno: number, about: string) {
    const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    super(`${syscall} failed with ${code}: ${about}`);
    this.name = 'SystemCallError';
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

/** @throws SystemCallError when the call's result says that it failed */
export function check(syscall: string, result: number, about: string): number {
  if (result < 0) throw new SystemCallError(syscall, koffi.errno(), about);
  return result;
}

/** @param options such as `size=64m,mode=0755` */
export function mount(source: string, target: string, type: string, flags: number, options = ''): void {
  check('mount', mountCall(source, target, type, flags, options), `${type} ${source} at ${target}, flags ${flags}`);
}

/** Takes the mount away at once; what uses it goes on until it lets go. */
export function unmount(target: string): void {
  check('umount2', unmountCall(target, MNT_DETACH), target);
}
