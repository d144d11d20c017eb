import { CONTAINER_NODE, type ImageDefinition, type ImagePaths } from './image.ts';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Where the node shows busybox's applets (kubelet/runtime/machine.ts). */
const BUSYBOX_BIN = '/opt/palisade/busybox';

/** curl without arguments of its own, as the curlimages/curl image starts: words that are no program are curl's options. */
const CURL_ENTRYPOINT = `#!/bin/sh
case "\${1-}" in -*|http://*|https://*) exec curl "$@" ;; esac
command -v "\${1-curl}" >/dev/null 2>&1 && exec "\${@-curl}"
exec curl "$@"
`;

/** Ends politely: a bare sleep would be killed by the signal and look like a failure. */
const PAUSE = "trap 'exit 0' TERM INT; sleep infinity & wait";

/** Small tools, and plain systems: the machine's own /usr under familiar names. */
export function toolImages(paths: ImagePaths): ImageDefinition[] {
  return [
    {
      names: ['busybox', 'gcr.io/google-containers/busybox', 'registry.k8s.io/busybox', 'registry.k8s.io/e2e-test-images/busybox'],
      binFolder: 'busybox',
      env: { PATH: SYSTEM_PATH.replace('/usr/local/sbin', `${BUSYBOX_BIN}:/usr/local/sbin`) },
      args: ['sh'],
    },
    {
      names: ['alpine', 'radial/busyboxplus', 'nicolaka/netshoot', 'registry.k8s.io/e2e-test-images/jessie-dnsutils'],
      env: { PATH: `${SYSTEM_PATH}:${BUSYBOX_BIN}` },
      args: ['sh'],
    },
    {
      names: ['curlimages/curl', 'quay.io/curl/curl', 'appropriate/curl'],
      entrypoint: ['/entrypoint.sh'],
      args: ['curl'],
      user: { uid: 100, gid: 101 },
      passwd: ['curl_user:x:100:101:curl:/home/curl_user:/bin/sh'],
      group: ['curl_group:x:101:'],
      files: [{ path: '/entrypoint.sh', content: CURL_ENTRYPOINT, mode: 0o755 }],
    },
    {
      names: ['registry.k8s.io/pause', 'k8s.gcr.io/pause', 'gcr.io/google_containers/pause', 'rancher/mirrored-pause'],
      entrypoint: ['/bin/sh', '-c', PAUSE],
      user: { uid: 65535, gid: 65535 },
    },
    { names: ['debian', 'ubuntu', 'buildpack-deps', 'registry.k8s.io/e2e-test-images/agnhost-shell'], args: ['bash'] },
    {
      names: ['node'],
      binds: [{ source: paths.nodeExecutable, target: CONTAINER_NODE }],
      env: { PATH: `${CONTAINER_NODE.slice(0, CONTAINER_NODE.lastIndexOf('/'))}:${SYSTEM_PATH}` },
      args: ['node'],
    },
  ];
}
