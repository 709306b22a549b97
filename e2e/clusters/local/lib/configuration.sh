# Certificates, kubeconfigs and the configuration files of the components. Sourced by `cluster`.

# put FILE: standard input, in one step and only if that changes anything: what runs reads these files.
put() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

certificate() { # NAME SUBJECT [ALTERNATIVE-NAMES]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" -extfile <(
    echo "keyUsage=digitalSignature,keyEncipherment"
    echo "extendedKeyUsage=serverAuth,clientAuth"
    if [ -n "${3:-}" ]; then echo "subjectAltName=$3"; fi
  )
}

certificates() (
  umask 077
  mkdir -p "$pki"
  cd "$pki"
  [ ! -f complete ] || exit 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=lab-ca -keyout ca.key -out ca.crt
  openssl ecparam -name prime256v1 -genkey -noout -out sa.key
  openssl ec -in sa.key -pubout -out sa.pub
  certificate apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$node_ip,IP:$service_ip"
  certificate admin /O=system:masters/CN=admin
  certificate controllers /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  certificate kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$node_ip"
  certificate front-proxy /CN=front-proxy
  touch complete
)

kubeconfig_for() { # USER FILE
  (umask 077; put "$2") <<E
apiVersion: v1
kind: Config
current-context: $name
clusters:
- name: $name
  cluster:
    server: https://$node_ip:$api_port
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$pki/$1.crt")
    client-key-data: $(base64 -w0 "$pki/$1.key")
contexts:
- name: $name
  context: {cluster: $name, user: $1}
E
}

configure() {
  certificates >"$logs/certificates.log" 2>&1 || fail certificates "openssl failed"
  local user
  for user in controllers scheduler proxy kubelet; do kubeconfig_for "$user" "$etc/$user.kubeconfig"; done
  kubeconfig_for admin "$kubeconfig"

  put "$etc/containerd.toml" <<E
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$state/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  # Without CAP_SYS_RESOURCE a process's OOM score cannot be lowered.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni_bin"
    conf_dir = "$etc/cni"
E

  # Point-to-point links, not a bridge: all pod traffic is then routed, and so passes iptables.
  mkdir -p "$etc/cni"
  put "$etc/cni/10-lab.conflist" <<E
{"cniVersion": "1.0.0", "name": "lab", "plugins": [
  {"type": "ptp", "ipMasq": false,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pod_cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
E

  put "$etc/kubelet.yaml" <<E
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_ip
port: $kubelet_port
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$name
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$node_ip]
resolvConf: $etc/resolv.conf
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
# Images are imported, never pulled, so the kubelet must not collect them.
imageGCHighThresholdPercent: 100
E

  put "$etc/proxy.yaml" <<E
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $node
clusterCIDR: $pod_cidr
clientConnection: {kubeconfig: $etc/proxy.kubeconfig}
# These are settings of the whole machine; a network namespace may not change them.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
E

  put "$etc/Corefile" <<E
cluster.local:53 in-addr.arpa:53 {
  bind $node_ip
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $kubeconfig
    ttl 5
  }
}
E

  put "$etc/lab.yaml" <<E
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lab-kube-proxy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:node-proxier}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:kube-proxy}]
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: $csi_driver}
spec: {attachRequired: false, podInfoOnMount: false, fsGroupPolicy: File, volumeLifecycleModes: [Persistent]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: lab, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: $csi_driver
allowVolumeExpansion: true
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: lab, annotations: {snapshot.storage.kubernetes.io/is-default-class: "true"}}
driver: $csi_driver
deletionPolicy: Delete
---
apiVersion: v1
kind: Namespace
metadata: {name: lab}
---
apiVersion: v1
kind: Service
metadata: {name: s3, namespace: lab}
spec: {clusterIP: None, ports: [{name: http, port: $s3_port}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s3, namespace: lab, labels: {kubernetes.io/service-name: s3}}
addressType: IPv4
ports: [{name: http, port: $s3_port}]
endpoints: [{addresses: [$node_ip], conditions: {ready: true}}]
E

  if [ ! -f "$state/s3.env" ]; then
    (
      umask 077
      printf 'S3_ENDPOINT=http://%s:%s\nS3_REGION=us-east-1\nS3_ACCESS_KEY=lab\nS3_SECRET_KEY=%s\n' \
        "$node_ip" "$s3_port" "$(openssl rand -hex 16)" >"$state/s3.env"
    )
  fi

  if [ "$barman_plugin" = 1 ]; then
    barman_certificates >"$logs/certificates.log" 2>&1 || fail certificates "openssl failed"
    (umask 077; barman_manifest | put "$etc/barman.yaml")
  fi
}
