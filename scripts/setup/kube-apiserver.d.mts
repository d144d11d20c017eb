export const kubernetesVersion: string;
export function findKubeApiServer(): { readonly apiserver: string; readonly etcd: string } | undefined;
export function installKubeApiServer(say: (line: string) => void): { readonly apiserver: string; readonly etcd: string } | undefined;
