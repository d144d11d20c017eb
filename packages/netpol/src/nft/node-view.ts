/** A pod of a node, as the node's network knows it. */
export interface NodeViewPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The pod's veth on the node (`v…`). */
  readonly ifname: string;
}

/** What one node's table is made for. */
export interface NodeView {
  readonly nodeName: string;
  /** Those that have a network here now. */
  readonly pods: readonly NodeViewPod[];
  /** Must be those given to the compiler; listed here so that a mismatch is found before it cuts off DNS. */
  readonly dnsServiceIPs?: readonly string[];
}
