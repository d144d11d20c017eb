/** The embedded cluster's network: a fabric, its nodes and their pods, all in namespaces of their own. */
export { DNS_ADDRESSES, HOST_ADDRESSES, type NodePlan } from './fabric/addresses.ts';
export { createFabric, type Fabric } from './fabric/fabric.ts';
export { createNodeNetwork, type LocalPod, type NodeNetworkOptions } from './fabric/pod-network.ts';
export { netnsPath } from './namespaces/namespace.ts';
export { connectIn, listenIn, type RawSocket, rawIn, udpIn } from './namespaces/netns-sockets.ts';
export { type NodePolicies, type NodePoliciesOptions, startNodePolicies } from './policies/node-policies.ts';
export { type HostPorts, type HostPortsOptions, startHostPorts } from './services/host-ports.ts';
export { type ServiceProxy, type ServiceProxyOptions, startServiceProxy } from './services/service-proxy.ts';
