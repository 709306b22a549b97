# The Barman Cloud plugin. Sourced by `cluster`.

# Each side takes the other's certificate itself as the authority. So they sign themselves: a client
# shows none that was issued by somebody the server did not name.
barman_certificates() (
  umask 077
  cd "$pki"
  [ ! -f barman-complete ] || exit 0
  local side
  for side in server client; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=barman-cloud-$side" \
      -addext subjectAltName=DNS:barman-cloud -addext "extendedKeyUsage=${side}Auth" \
      -keyout "barman-$side.key" -out "barman-$side.crt"
  done
  touch barman-complete
)

# barman_manifest: the plugin must be in the operator's namespace, where the operator finds it by its Service.
barman_manifest() {
  local side
  for side in server client; do
    cat <<E
apiVersion: v1
kind: Secret
metadata: {name: barman-cloud-$side-tls, namespace: cnpg-system}
type: kubernetes.io/tls
data:
  tls.crt: $(base64 -w0 "$pki/barman-$side.crt")
  tls.key: $(base64 -w0 "$pki/barman-$side.key")
---
E
  done
  cat <<E
apiVersion: v1
kind: ServiceAccount
metadata: {name: plugin-barman-cloud, namespace: cnpg-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: plugin-barman-cloud-binding}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: plugin-barman-cloud}
subjects: [{kind: ServiceAccount, name: plugin-barman-cloud, namespace: cnpg-system}]
---
apiVersion: v1
kind: Service
metadata:
  name: barman-cloud
  namespace: cnpg-system
  labels: {app: barman-cloud, cnpg.io/pluginName: barman-cloud.cloudnative-pg.io}
  annotations:
    cnpg.io/pluginClientSecret: barman-cloud-client-tls
    cnpg.io/pluginServerSecret: barman-cloud-server-tls
    cnpg.io/pluginPort: "9090"
spec:
  selector: {app: barman-cloud}
  ports: [{port: 9090, targetPort: 9090}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: barman-cloud, namespace: cnpg-system, labels: {app: barman-cloud}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: barman-cloud}}
  template:
    metadata: {labels: {app: barman-cloud}}
    spec:
      serviceAccountName: plugin-barman-cloud
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: barman-cloud
        image: localhost/plugin-barman-cloud:$barman_version
        imagePullPolicy: IfNotPresent
        args:
        - operator
        - --server-cert=/server/tls.crt
        - --server-key=/server/tls.key
        - --client-cert=/client/tls.crt
        - --server-address=:9090
        - --log-level=debug
        env: [{name: SIDECAR_IMAGE, value: "localhost/plugin-barman-cloud-sidecar:$barman_version"}]
        ports: [{containerPort: 9090}]
        readinessProbe: {tcpSocket: {port: 9090}, periodSeconds: 2}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          runAsUser: 10001
          runAsGroup: 10001
          capabilities: {drop: [ALL]}
        volumeMounts: [{name: server, mountPath: /server}, {name: client, mountPath: /client}]
      volumes:
      - {name: server, secret: {secretName: barman-cloud-server-tls}}
      - {name: client, secret: {secretName: barman-cloud-client-tls}}
E
}
start_barman() {
  k apply --server-side --force-conflicts -f "$manifests/barman.yaml" -f "$etc/barman.yaml" >"$logs/manifests.log" 2>&1 ||
    fail manifests "the Barman Cloud plugin's manifest was refused"
  await 90 kubelet "Available Barman Cloud plugin" k wait -n cnpg-system --for=condition=Available \
    deployment/barman-cloud --timeout=10s
  await 60 kubelet "open port of the Barman Cloud plugin" barman_answers
}

barman_answers() {
  local address
  address=$(k get service -n cnpg-system barman-cloud -o jsonpath='{.spec.clusterIP}')
  timeout 5 bash -c "</dev/tcp/$address/9090"
}
