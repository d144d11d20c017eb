import type { Check, Topic } from '../topic.ts';

const merge = 'application/merge-patch+json';
const container = { name: 'c', image: 'i' };
const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [container], ...spec },
});
const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } };
const selector = { matchLabels: { a: 'b' } };
const refusedPod = (name: string, spec: object): Check => ({
  name: `pod: ${name}`,
  send: 'POST $core/pods?dryRun=All',
  body: pod('x', spec),
});
const made = (name: string, path: string, body: object): Check => ({ name, send: `POST ${path}?dryRun=All`, body });
const quota = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec });
const limits = (name: string, of: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name },
  spec: { limits: of },
});
const sized = (name: string, resources: object) => pod(name, { containers: [{ ...container, resources }] });

/** What single kinds take and refuse, and what the server adds to them. */
export const kinds: Topic = {
  name: 'kinds',
  checks: [
    { name: 'pod', send: 'POST $core/pods', body: pod('p') },
    refusedPod('no containers', { containers: [] }),
    refusedPod('two of one name', { containers: [container, container] }),
    refusedPod('a bad container name', { containers: [{ name: 'A_b', image: 'i' }] }),
    refusedPod('no image', { containers: [{ name: 'c' }] }),
    refusedPod('a bad pull policy', { containers: [{ ...container, imagePullPolicy: 'Perhaps' }] }),
    refusedPod('a bad port', { containers: [{ ...container, ports: [{ containerPort: 99999, protocol: 'ABC' }] }] }),
    refusedPod('two ports of one name', {
      containers: [
        {
          ...container,
          ports: [
            { containerPort: 1, name: 'a' },
            { containerPort: 2, name: 'a' },
          ],
        },
      ],
    }),
    refusedPod('a bad port name', { containers: [{ ...container, ports: [{ containerPort: 1, name: 'Too_Long_A_Port_Name' }] }] }),
    refusedPod('a bad variable', { containers: [{ ...container, env: [{ name: 'a=b', value: 'x' }, { name: '' }] }] }),
    refusedPod('a variable from two places', {
      containers: [{ ...container, env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }],
    }),
    refusedPod('a field unknown', {
      containers: [{ ...container, env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nothing' } } }] }],
    }),
    refusedPod('limits below requests', { containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] }),
    refusedPod('negative requests', { containers: [{ ...container, resources: { requests: { cpu: '-1' } } }] }),
    refusedPod('a resource unknown', { containers: [{ ...container, resources: { requests: { things: '1' } } }] }),
    refusedPod('a mount without a volume', { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/x' }] }] }),
    refusedPod('two mounts in one place', {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          ...container,
          volumeMounts: [
            { name: 'v', mountPath: '/x' },
            { name: 'v', mountPath: '/x' },
          ],
        },
      ],
    }),
    refusedPod('two volumes of one name', {
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'v', emptyDir: {} },
      ],
    }),
    refusedPod('a volume of two kinds', { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
    refusedPod('a volume of nothing', {
      volumes: [
        { name: 'v', secret: {} },
        { name: 'w', configMap: {} },
        { name: 'x', persistentVolumeClaim: {} },
      ],
    }),
    refusedPod('a hostPath of a kind unknown', { volumes: [{ name: 'v', hostPath: { path: '/x', type: 'Odd' } }] }),
    refusedPod('a subPath upwards', {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/x', subPath: '../y' }] }],
    }),
    refusedPod('a probe of two kinds', {
      containers: [{ ...container, livenessProbe: { httpGet: { path: '/', port: 80 }, tcpSocket: { port: 80 } } }],
    }),
    refusedPod('a probe of nothing', { containers: [{ ...container, readinessProbe: {} }] }),
    refusedPod('a probe with a bad port', { containers: [{ ...container, readinessProbe: { tcpSocket: { port: 'not a port' } } }] }),
    refusedPod('a probe with negative times', {
      containers: [{ ...container, readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: -1, timeoutSeconds: -1 } }],
    }),
    refusedPod('a liveness that must succeed twice', {
      containers: [{ ...container, livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }],
    }),
    refusedPod('a restart policy unknown', { restartPolicy: 'Sometimes' }),
    refusedPod('a DNS policy unknown', { dnsPolicy: 'Mine' }),
    refusedPod('no DNS', { dnsPolicy: 'None' }),
    refusedPod('a negative grace period', { terminationGracePeriodSeconds: -5 }),
    refusedPod('a deadline of nothing', { activeDeadlineSeconds: 0 }),
    refusedPod('a bad host name', { hostname: 'A_b', subdomain: 'C_d' }),
    refusedPod('a bad node name', { nodeName: 'A_b' }),
    refusedPod('a bad node selector', { nodeSelector: { 'a b': 'c d' } }),
    refusedPod('a bad toleration', {
      tolerations: [
        { key: 'a', operator: 'Near' },
        { operator: 'Equal', value: 'x' },
        { key: 'k', operator: 'Exists', value: 'v' },
      ],
    }),
    refusedPod('a bad affinity', {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }] },
        },
      },
    }),
    refusedPod('a bad pod affinity', {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: {} }] } },
    }),
    refusedPod('a bad spread', { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Maybe' }] }),
    refusedPod('a bad security context', {
      containers: [{ ...container, securityContext: { privileged: true, allowPrivilegeEscalation: false, runAsUser: -1 } }],
    }),
    refusedPod('host network with another port', {
      hostNetwork: true,
      containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 81 }] }],
    }),
    refusedPod('a sysctl that is none', { securityContext: { sysctls: [{ name: 'a b', value: '1' }] } }),
    refusedPod('an alias that is none', { hostAliases: [{ ip: 'x', hostnames: ['A_b'] }] }),
    refusedPod('an init container that restarts oddly', { initContainers: [{ name: 'i', image: 'i', restartPolicy: 'Never' }] }),
    refusedPod('a probe on an init container', { initContainers: [{ name: 'i', image: 'i', readinessProbe: { tcpSocket: { port: 1 } } }] }),
    refusedPod('an ephemeral container', { ephemeralContainers: [{ name: 'e', image: 'i' }] }),
    refusedPod('a priority class unknown', { priorityClassName: 'highest' }),
    refusedPod('a priority of its own', { priority: 5 }),
    refusedPod('a runtime class unknown', { runtimeClassName: 'gvisor' }),
    refusedPod('a gate', { schedulingGates: [{ name: 'example.com/wait' }] }),
    refusedPod('a gate twice', { schedulingGates: [{ name: 'example.com/wait' }, { name: 'example.com/wait' }] }),
    {
      name: 'pod changes its image',
      send: 'PATCH $core/pods/p',
      type: merge,
      body: { spec: { containers: [{ name: 'c', image: 'i:2' }] } },
      only: ['spec.containers', 'message', 'details'],
    },
    {
      name: 'pod changes its command',
      send: 'PATCH $core/pods/p',
      type: 'application/strategic-merge-patch+json',
      body: { spec: { containers: [{ name: 'c', command: ['x'] }] } },
      only: ['code', 'reason', 'details.causes.0.field', 'details.causes.0.reason'],
    },
    {
      name: 'pod changes its restart policy',
      send: 'PATCH $core/pods/p',
      type: merge,
      body: { spec: { restartPolicy: 'Never' } },
      only: ['code', 'reason', 'details.causes.0.field', 'details.causes.0.reason'],
    },
    {
      name: 'pod gets a toleration',
      send: 'PATCH $core/pods/p',
      type: 'application/json-patch+json',
      body: [{ op: 'add', path: '/spec/tolerations/-', value: { key: 'x', operator: 'Exists' } }],
      only: ['spec.tolerations'],
    },
    {
      name: 'pod loses its tolerations',
      send: 'PATCH $core/pods/p',
      type: merge,
      body: { spec: { tolerations: null } },
      only: ['code', 'details.causes.0.field', 'details.causes.0.reason'],
    },
    {
      name: 'pod gets a shorter deadline',
      send: 'PATCH $core/pods/p',
      type: merge,
      body: { spec: { activeDeadlineSeconds: 50 } },
      only: ['spec.activeDeadlineSeconds'],
    },
    { name: 'pod gets a longer deadline', send: 'PATCH $core/pods/p', type: merge, body: { spec: { activeDeadlineSeconds: 60 } } },
    {
      name: 'pod is bound',
      send: 'POST $core/pods/p/binding',
      body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } },
    },
    {
      name: 'pod is bound again',
      send: 'POST $core/pods/p/binding',
      body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n2' } },
    },
    {
      name: 'pod is bound to a pod',
      send: 'POST $core/pods/p/binding',
      body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Pod', name: 'n2' } },
    },
    { name: 'pod after binding', send: 'GET $core/pods/p', only: ['spec.nodeName', 'status', 'metadata.generation'] },
    {
      name: 'pod status',
      send: 'PATCH $core/pods/p/status',
      type: 'application/strategic-merge-patch+json',
      body: {
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True' }],
          podIP: '192.0.2.5',
          podIPs: [{ ip: '192.0.2.5' }],
          containerStatuses: [
            { name: 'c', ready: true, restartCount: 0, image: 'i', imageID: '', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } },
          ],
        },
      },
      only: ['status'],
    },
    {
      name: 'pod with an ephemeral container',
      send: 'PATCH $core/pods/p/ephemeralcontainers',
      type: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [{ name: 'dbg', image: 'i', targetContainerName: 'c' }] } },
      only: ['spec.ephemeralContainers', 'message'],
    },
    {
      name: 'pod with a changed ephemeral container',
      send: 'PATCH $core/pods/p/ephemeralcontainers',
      type: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [{ name: 'dbg', image: 'other' }] } },
    },
    {
      name: 'pod is resized',
      send: 'PATCH $core/pods/p/resize',
      type: 'application/strategic-merge-patch+json',
      body: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] } },
    },
    { name: 'pod table', kubectl: 'get pods -o wide' },
    { name: 'pod described', kubectl: 'describe pod p' },
    {
      name: 'pod is evicted',
      send: 'POST $core/pods/p/eviction',
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } },
    },
    {
      name: 'pod is going',
      send: 'GET $core/pods/p',
      only: ['metadata.deletionGracePeriodSeconds', 'spec.terminationGracePeriodSeconds', 'metadata.generation'],
    },
    {
      name: 'pod is deleted at once',
      send: 'DELETE $core/pods/p?gracePeriodSeconds=0',
      only: ['metadata.name', 'metadata.deletionGracePeriodSeconds'],
    },
    {
      name: 'budget',
      send: 'POST /apis/policy/v1/namespaces/$ns/poddisruptionbudgets',
      body: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: { minAvailable: 1, selector } },
    },
    made('budget of both', '/apis/policy/v1/namespaces/$ns/poddisruptionbudgets', {
      metadata: { name: 'b2' },
      spec: { minAvailable: 1, maxUnavailable: 1, selector },
    }),
    made('budget with a bad share', '/apis/policy/v1/namespaces/$ns/poddisruptionbudgets', {
      metadata: { name: 'b2' },
      spec: { minAvailable: '150%', selector },
    }),
    { name: 'pod under the budget', send: 'POST $core/pods', body: pod('g', {}, { labels: { a: 'b' } }), only: ['metadata.name'] },
    {
      name: 'pod under the budget runs',
      send: 'PATCH $core/pods/g/status',
      type: merge,
      body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
      only: ['status.phase'],
    },
    {
      name: 'pod under the budget is evicted',
      send: 'POST $core/pods/g/eviction',
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'g' } },
    },
    { name: 'service', send: 'POST $core/services', body: service('s', { selector: { a: 'b' }, ports: [{ port: 80 }] }) },
    made('service without ports', '$core/services', service('x', { selector: { a: 'b' } })),
    made('service without names of ports', '$core/services', service('x', { ports: [{ port: 80 }, { port: 81 }] })),
    made(
      'service with a port twice',
      '$core/services',
      service('x', {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      }),
    ),
    made(
      'service with a name twice',
      '$core/services',
      service('x', {
        ports: [
          { port: 80, name: 'a' },
          { port: 81, name: 'a' },
        ],
      }),
    ),
    made('service with a bad port', '$core/services', service('x', { ports: [{ port: 0, targetPort: 'Bad Name', protocol: 'ABC' }] })),
    made('service of a type unknown', '$core/services', service('x', { type: 'Magic', ports: [{ port: 80 }] })),
    made('service with a bad selector', '$core/services', service('x', { selector: { 'a b': 'c' }, ports: [{ port: 80 }] })),
    made('service with a bad address', '$core/services', service('x', { clusterIP: 'x', ports: [{ port: 80 }] })),
    made('service out of range', '$core/services', service('x', { clusterIP: '192.0.2.1', ports: [{ port: 80 }] })),
    made('service that is external', '$core/services', service('x', { type: 'ExternalName', externalName: 'example.com' })),
    made('service external without a name', '$core/services', service('x', { type: 'ExternalName' })),
    made(
      'service external with an address',
      '$core/services',
      service('x', { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.5' }),
    ),
    made('service headless', '$core/services', service('x', { clusterIP: 'None', selector: { a: 'b' }, ports: [{ port: 80 }] })),
    made('service in both families', '$core/services', service('x', { ipFamilyPolicy: 'RequireDualStack', ports: [{ port: 80 }] })),
    made('service preferring both', '$core/services', service('x', { ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80 }] })),
    made('service in the second family', '$core/services', service('x', { ipFamilies: ['IPv6'], ports: [{ port: 80 }] })),
    made('service in a family twice', '$core/services', service('x', { ipFamilies: ['IPv4', 'IPv4'], ports: [{ port: 80 }] })),
    made('service in a family unknown', '$core/services', service('x', { ipFamilies: ['IPv5'], ports: [{ port: 80 }] })),
    made('service with a session', '$core/services', service('x', { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] })),
    made('service with an odd session', '$core/services', service('x', { sessionAffinity: 'Cookie', ports: [{ port: 80 }] })),
    made(
      'service with a long session',
      '$core/services',
      service('x', { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 99999 } }, ports: [{ port: 80 }] }),
    ),
    made('service with a policy out of place', '$core/services', service('x', { externalTrafficPolicy: 'Local', ports: [{ port: 80 }] })),
    made('service with a node port out of place', '$core/services', service('x', { ports: [{ port: 80, nodePort: 30001 }] })),
    {
      name: 'service with a node port',
      send: 'POST $core/services',
      body: service('np', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }),
      only: ['spec.ports', 'spec.externalTrafficPolicy'],
    },
    {
      name: 'service with a node port taken',
      send: 'POST $core/services',
      body: service('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }),
    },
    {
      name: 'service with a node port out of range',
      send: 'POST $core/services',
      body: service('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    },
    {
      name: 'service with a load balancer',
      send: 'POST $core/services',
      body: service('lb', { type: 'LoadBalancer', ports: [{ port: 80 }], externalTrafficPolicy: 'Local' }),
      only: ['spec'],
    },
    {
      name: 'service changes its address',
      send: 'PATCH $core/services/s',
      type: merge,
      body: { spec: { clusterIP: '10.96.0.77', clusterIPs: ['10.96.0.77'] } },
    },
    {
      name: 'service becomes external',
      send: 'PATCH $core/services/s',
      type: merge,
      body: { spec: { type: 'ExternalName', externalName: 'example.com' } },
    },
    { name: 'service table', kubectl: 'get services' },
    { name: 'service described', kubectl: 'describe service np' },
    made('deployment', '$apps/deployments', { metadata: { name: 'd' }, spec: { selector, template } }),
    made('deployment without a selector', '$apps/deployments', { metadata: { name: 'd' }, spec: { template } }),
    made('deployment whose selector selects others', '$apps/deployments', {
      metadata: { name: 'd' },
      spec: { selector: { matchLabels: { x: 'y' } }, template },
    }),
    made('deployment with a bad strategy', '$apps/deployments', {
      metadata: { name: 'd' },
      spec: { selector, template, strategy: { type: 'Fast' } },
    }),
    made('deployment recreated and rolling', '$apps/deployments', {
      metadata: { name: 'd' },
      spec: { selector, template, strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
    }),
    made('deployment with a bad surge', '$apps/deployments', {
      metadata: { name: 'd' },
      spec: { selector, template, strategy: { rollingUpdate: { maxSurge: 'x', maxUnavailable: '200%' } } },
    }),
    made('deployment impatient', '$apps/deployments', {
      metadata: { name: 'd' },
      spec: { selector, template, minReadySeconds: 700, progressDeadlineSeconds: 600, revisionHistoryLimit: -1 },
    }),
    made('stateful set', '$apps/statefulsets', { metadata: { name: 'd' }, spec: { serviceName: 's', selector, template } }),
    made('stateful set with an odd policy', '$apps/statefulsets', {
      metadata: { name: 'd' },
      spec: { serviceName: 's', selector, template, podManagementPolicy: 'Odd', updateStrategy: { type: 'Odd' } },
    }),
    made('daemon set', '$apps/daemonsets', { metadata: { name: 'd' }, spec: { selector, template } }),
    made('replica set', '$apps/replicasets', { metadata: { name: 'd' }, spec: { selector, template } }),
    made('job', '$batch/jobs', {
      metadata: { name: 'j' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    }),
    made('job that restarts', '$batch/jobs', { metadata: { name: 'j' }, spec: { template: { spec: { containers: [container] } } } }),
    made('job with negative counts', '$batch/jobs', {
      metadata: { name: 'j' },
      spec: { parallelism: -1, completions: -1, backoffLimit: -1, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    }),
    made('job indexed without completions', '$batch/jobs', {
      metadata: { name: 'j' },
      spec: { completionMode: 'Indexed', template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    }),
    made('cron job', '$batch/cronjobs', {
      metadata: { name: 'j' },
      spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } } },
    }),
    made('cron job with a bad schedule', '$batch/cronjobs', {
      metadata: { name: 'j' },
      spec: {
        schedule: 'hourly',
        timeZone: 'Nowhere/None',
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
      },
    }),
    made('network policy', '$net/networkpolicies', {
      metadata: { name: 'n' },
      spec: { podSelector: {}, ingress: [{}], egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] },
    }),
    made('network policy with a bad block', '$net/networkpolicies', {
      metadata: { name: 'n' },
      spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1', except: ['11.0.0.0/8'] }, podSelector: {} }, {}] }] },
    }),
    made('network policy with a bad port', '$net/networkpolicies', {
      metadata: { name: 'n' },
      spec: {
        podSelector: {},
        ingress: [{ ports: [{ port: 99999 }, { port: 'Bad Name', protocol: 'ABC' }, { port: 80, endPort: 70 }] }],
        policyTypes: ['Sideways'],
      },
    }),
    made('ingress', '$net/ingresses', {
      metadata: { name: 'i' },
      spec: {
        rules: [
          {
            host: 'a.example.com',
            http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
          },
        ],
      },
    }),
    made('ingress without rules', '$net/ingresses', { metadata: { name: 'i' }, spec: {} }),
    made('ingress with a bad path', '$net/ingresses', {
      metadata: { name: 'i' },
      spec: { rules: [{ host: '1.2.3.4', http: { paths: [{ path: 'x', pathType: 'Odd', backend: {} }] } }] },
    }),
    made('ingress with a class twice', '$net/ingresses', {
      metadata: { name: 'i', annotations: { 'kubernetes.io/ingress.class': 'a' } },
      spec: { ingressClassName: 'b', defaultBackend: { service: { name: 's', port: { name: 'http' } } } },
    }),
    made('autoscaler', '/apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers', {
      metadata: { name: 'h' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
    }),
    made('autoscaler upside down', '/apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers', {
      metadata: { name: 'h' },
      spec: { scaleTargetRef: { kind: '', name: '' }, minReplicas: 5, maxReplicas: 3 },
    }),
    made('lease', '/apis/coordination.k8s.io/v1/namespaces/$ns/leases', {
      metadata: { name: 'l' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 0 },
    }),
    made('slice', '/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices', {
      metadata: { name: 'e' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ port: 80 }],
    }),
    made('slice with a bad address', '/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices', {
      metadata: { name: 'e' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['x', 'fd00::1', '127.0.0.1'] }],
    }),
    made('endpoints with a bad address', '$core/endpoints', {
      metadata: { name: 'e' },
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0 }] }],
    }),
    made('event', '$core/events', {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'x', namespace: 't-kinds' },
      reason: 'r',
      type: 'Normal',
    }),
    made('event about another namespace', '$core/events', {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
      reason: 'r',
    }),
    made('claim', '$core/persistentvolumeclaims', {
      metadata: { name: 'c' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }),
    made('claim of nothing', '$core/persistentvolumeclaims', { metadata: { name: 'c' }, spec: {} }),
    made('volume', '/api/v1/persistentvolumes', {
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
    }),
    made('volume of nothing', '/api/v1/persistentvolumes', { metadata: { name: 'v' }, spec: { accessModes: ['Odd'] } }),
    made('namespace', '/api/v1/namespaces', { metadata: { name: 'made' } }),
    made('namespace with a bad name', '/api/v1/namespaces', { metadata: { name: 'a.b' } }),
    made('node', '/api/v1/nodes', {
      metadata: { name: 'n' },
      spec: { podCIDR: '10.0.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] },
    }),
    made('node with a bad taint', '/api/v1/nodes', {
      metadata: { name: 'n' },
      spec: { podCIDRs: ['x'], taints: [{ key: 'a b', effect: 'Odd' }] },
    }),
    made('priority class', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'pc' }, value: 5 }),
    made('priority class too high', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'pc' }, value: 2000000000 }),
    made('priority class of the system', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'system-mine' }, value: 5 }),
    made('storage class', '/apis/storage.k8s.io/v1/storageclasses', { metadata: { name: 'sc' }, provisioner: 'example.com/x' }),
    made('storage class without a provisioner', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: 'sc' },
      reclaimPolicy: 'Odd',
    }),
    made('controller revision', '$apps/controllerrevisions', { metadata: { name: 'cr' }, revision: 1, data: { a: 1 } }),
    { name: 'immortal namespace', send: 'DELETE /api/v1/namespaces/default' },
    { name: 'namespace goes', send: 'POST /api/v1/namespaces', body: { metadata: { name: 'parity-going' } }, only: ['status'] },
    {
      name: 'namespace holds something',
      send: 'POST /api/v1/namespaces/parity-going/configmaps',
      body: { metadata: { name: 'x', finalizers: ['example.com/hold'] } },
      only: ['metadata.name'],
    },
    { name: 'namespace is deleted', send: 'DELETE /api/v1/namespaces/parity-going', only: ['kind', 'status', 'spec'] },
    { name: 'nothing new in it', send: 'POST /api/v1/namespaces/parity-going/configmaps', body: { metadata: { name: 'y' } } },
    {
      name: 'namespace is finalized',
      send: 'PUT /api/v1/namespaces/parity-going/finalize',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'parity-going' }, spec: { finalizers: [] } },
      only: ['kind', 'spec', 'status'],
    },
    { name: 'namespace is gone', send: 'GET /api/v1/namespaces/parity-going' },
    {
      name: 'limits',
      send: 'POST $core/limitranges',
      body: limits('l', [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '64Mi' },
          defaultRequest: { cpu: '100m' },
          max: { cpu: '1' },
          min: { cpu: '50m' },
        },
        { type: 'Pod', max: { cpu: '2' } },
      ]),
    },
    made(
      'limits upside down',
      '$core/limitranges',
      limits('l2', [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' }, default: { cpu: '3' } }]),
    ),
    made('limits of a pod with defaults', '$core/limitranges', limits('l2', [{ type: 'Pod', default: { cpu: '1' } }])),
    made('limits twice', '$core/limitranges', limits('l2', [{ type: 'Container' }, { type: 'Container' }])),
    { name: 'pod takes the limits', kubectl: 'get limitrange l' },
    made('pod with limits by default', '$core/pods', pod('l')),
    made('pod above the limits', '$core/pods', sized('l', { requests: { cpu: '2' }, limits: { cpu: '2' } })),
    made('pod below the limits', '$core/pods', sized('l', { requests: { cpu: '10m' } })),
    { name: 'limits go', send: 'DELETE $core/limitranges/l', only: ['status'] },
    {
      name: 'quota',
      send: 'POST $core/resourcequotas',
      body: quota('q', { hard: { 'requests.cpu': '1', 'count/configmaps': '2', pods: '3' } }),
    },
    made('quota of negative hardness', '$core/resourcequotas', quota('q2', { hard: { pods: '-1' } })),
    made('quota of half a pod', '$core/resourcequotas', quota('q2', { hard: { pods: '500m' } })),
    made('quota of a resource unknown', '$core/resourcequotas', quota('q2', { hard: { things: '1' } })),
    made('quota with a scope unknown', '$core/resourcequotas', quota('q2', { hard: { pods: '1' }, scopes: ['Odd'] })),
    made(
      'quota with two scopes against each other',
      '$core/resourcequotas',
      quota('q2', { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }),
    ),
    {
      name: 'quota counted',
      send: 'PATCH $core/resourcequotas/q/status',
      type: merge,
      body: {
        status: {
          hard: { 'requests.cpu': '1', 'count/configmaps': '2', pods: '3' },
          used: { 'requests.cpu': '500m', 'count/configmaps': '1', pods: '0' },
        },
      },
      only: ['status'],
    },
    { name: 'pod within the quota', send: 'POST $core/pods', body: sized('in', { requests: { cpu: '500m' } }), only: ['kind', 'message'] },
    { name: 'pod above the quota', send: 'POST $core/pods', body: sized('over', { requests: { cpu: '1' } }) },
    { name: 'pod that does not say', send: 'POST $core/pods', body: pod('silent') },
    { name: 'one object more', send: 'POST $core/configmaps', body: { metadata: { name: 'one' } }, only: ['metadata.name', 'message'] },
    { name: 'one object too many', send: 'POST $core/configmaps', body: { metadata: { name: 'two' } } },
    { name: 'quota shows it', send: 'GET $core/resourcequotas/q', only: ['status.used'] },
    { name: 'quota table', kubectl: 'get quota' },
    { name: 'quota described', kubectl: 'describe quota q' },
  ],
};
