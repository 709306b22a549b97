# The components of the cluster, in the order they are started. Sourced by `cluster`.

start_control_plane() {
  start containerd containerd --config "$etc/containerd.toml"
  start etcd etcd --name lab --data-dir "$state/etcd" --log-level warn --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$etcd_peer_port"
  start kube-apiserver kube-apiserver \
    --etcd-servers="http://127.0.0.1:$etcd_port" \
    --bind-address="$node_ip" --advertise-address="$node_ip" --secure-port="$api_port" \
    --service-cluster-ip-range="$service_cidr" --allow-privileged=true --authorization-mode=Node,RBAC \
    --client-ca-file="$pki/ca.crt" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
  await 90 kube-apiserver readiness k get --raw /readyz
  start kube-controller-manager kube-controller-manager --leader-elect=false \
    --kubeconfig="$etc/controllers.kubeconfig" --authentication-kubeconfig="$etc/controllers.kubeconfig" \
    --authorization-kubeconfig="$etc/controllers.kubeconfig" --use-service-account-credentials \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
  start kube-scheduler kube-scheduler --leader-elect=false --kubeconfig="$etc/scheduler.kubeconfig" \
    --authentication-kubeconfig="$etc/scheduler.kubeconfig" --authorization-kubeconfig="$etc/scheduler.kubeconfig"
}

import_images() {
  await 60 containerd "an answer" lab ctr version
  import "$images"/*.tar
}

start_node() {
  start kubelet kubelet --config="$etc/kubelet.yaml" --kubeconfig="$etc/kubelet.kubeconfig" \
    --hostname-override="$node" --node-ip="$node_ip" --root-dir=/var/lib/kubelet
  start kube-proxy kube-proxy --config="$etc/proxy.yaml"
  start coredns coredns -conf "$etc/Corefile"
  await 90 kubelet "Ready node" k wait --for=condition=Ready "node/$node" --timeout=10s
}

start_storage() {
  local socket=/var/lib/kubelet/plugins/$csi_driver/csi.sock
  k apply --server-side --force-conflicts -f "$manifests/snapshots.yaml" >"$logs/manifests.log" 2>&1 ||
    fail manifests "the snapshot kinds were refused"
  await 30 kube-apiserver "the snapshot kinds" k get volumesnapshotclasses
  k apply --server-side --force-conflicts -f "$etc/lab.yaml" >"$logs/manifests.log" 2>&1 ||
    fail manifests "the lab's own objects were refused"
  start csi csi -name "$csi_driver" -node "$node" -data "$state/csi" \
    -endpoint "$socket" -registration "/var/lib/kubelet/plugins_registry/$csi_driver.sock"
  await 20 csi "a socket" lab test -S "$socket"
  start snapshot-controller snapshot-controller --kubeconfig="$kubeconfig"
  start csi-provisioner csi-provisioner --kubeconfig="$kubeconfig" --csi-address="$socket"
  start csi-resizer csi-resizer --kubeconfig="$kubeconfig" --csi-address="$socket"
  start csi-snapshotter csi-snapshotter --kubeconfig="$kubeconfig" --csi-address="$socket"
  (
    # shellcheck disable=SC1091 # made by configure
    . "$state/s3.env"
    export ROOT_ACCESS_KEY=$S3_ACCESS_KEY ROOT_SECRET_KEY=$S3_SECRET_KEY
    start s3 versitygw --port "$node_ip:$s3_port" --region "$S3_REGION" posix "$state/s3"
  )
  await 30 csi "registration with the kubelet" csi_registered
  await 20 s3 "an open port" bash -c "</dev/tcp/$node_ip/$s3_port"
}

csi_registered() { k get csinode "$node" -o jsonpath='{.spec.drivers[*].name}' | grep -qw "$csi_driver"; }

start_operator() {
  k apply --server-side --force-conflicts -f "$manifests/operator.yaml" >"$logs/manifests.log" 2>&1 ||
    fail manifests "the operator's manifest was refused"
  await 180 kubelet "Available operator" k wait -n cnpg-system --for=condition=Available \
    deployment/cnpg-controller-manager --timeout=10s
  await 60 kubelet "answer of the operator's webhook" webhook_answers
}
