/**
 * Two of Debian's busybox programs differ from the ones in busybox images where everybody's network tests need them: `wget -T` dies of a segmentation
 * fault (1.35.0-4+deb12u1), and `nc` knows no `-z` and `-v`. Scripts of these names stand in front.
 */
export const BUSYBOX_SCRIPTS: Readonly<Record<string, string>> = {
  wget: `#!/bin/sh
# -T SEC limits the whole request instead of each read.
limit= words=$#
while [ "$words" -gt 0 ]; do
  word=$1; shift; words=$((words - 1))
  case $word in
    --timeout=*) limit=\${word#*=} ;;
    -T|--timeout) limit=$1; shift; words=$((words - 1)) ;;
    -T*) limit=\${word#-T} ;;
    -[cqS]T) limit=$1; shift; words=$((words - 1)); set -- "$@" "\${word%T}" ;;
    *) set -- "$@" "$word" ;;
  esac
done
busybox=\${0%/*}/busybox
[ -n "$limit" ] || exec "$busybox" wget "$@"
# The inner shell's word about the killed program goes nowhere, wget's own words go out.
exec 3>&2
( "$busybox" timeout "$limit" "$busybox" wget "$@" 2>&3; exit $? ) 2>/dev/null
code=$?
[ "$code" -ne 143 ] && [ "$code" -ne 124 ] || { echo 'wget: download timed out' >&2; exit 1; }
exit "$code"
`,
  nc: `#!/bin/sh
# -z: only see whether the port is open; -v: say so.
scan= tell= words=$#
while [ "$words" -gt 0 ]; do
  word=$1; shift; words=$((words - 1))
  case $word in
    -z) scan=1 ;;
    -v) tell=1 ;;
    -zv|-vz) scan=1 tell=1 ;;
    -zw|-vw) [ "$word" = -zw ] && scan=1 || tell=1; set -- "$@" -w ;;
    -zvw|-vzw) scan=1 tell=1; set -- "$@" -w ;;
    *) set -- "$@" "$word" ;;
  esac
done
busybox=\${0%/*}/busybox
[ -n "$scan" ] || exec "$busybox" nc "$@"
"$busybox" nc "$@" </dev/null >/dev/null || exit
[ -z "$tell" ] || { while [ $# -gt 2 ]; do shift; done; echo "$1 ($1:$2) open" >&2; }
`,
};
