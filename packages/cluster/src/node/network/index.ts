/** The embedded cluster's network: a fabric, its nodes and their pods, all in namespaces of their own. */
export { DNS_ADDRESSES, HOST_ADDRESSES, type NodePlan } from './addresses.ts';
export { createFabric, type Fabric } from './fabric.ts';
export { type HostPorts, type HostPortsOptions, startHostPorts } from './host-ports.ts';
export { netnsPath } from './namespace.ts';
export { connectIn, listenIn, type RawSocket, rawIn, udpIn } from './netns-sockets.ts';
export { type NodePolicies, type NodePoliciesOptions, startNodePolicies } from './node-policies.ts';
export { createNodeNetwork, type LocalPod, type NodeNetworkOptions } from './pod-network.ts';
export { type ServiceProxy, type ServiceProxyOptions, startServiceProxy } from './service-proxy.ts';
