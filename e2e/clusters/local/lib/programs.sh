# What the machine must have, and the programs and manifests that come from Go modules. Sourced by `cluster`.

packages=(containerd runc containernetworking-plugins iptables conntrack iproute2 util-linux
  xfsprogs openssl mmdebstrap procps)

prerequisites() {
  local package missing=() policy=/usr/sbin/policy-rc.d made='' rc=0
  command -v apt-get >/dev/null || die "this needs Debian (apt-get); elsewhere install Docker, kind, kubectl and helm"
  command -v go >/dev/null || die "Go is not installed: see https://go.dev/doc/install"
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -Wf '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing ${missing[*]}"
  # Without this, installing containerd would also start it.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=1
  fi
  { timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 600 \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$logs/apt.log" 2>&1 || rc=$?
  if [ -n "$made" ]; then rm -f "$policy"; fi
  [ "$rc" = 0 ] || fail apt "could not install ${missing[*]}"
}

# ---- build: programs from Go modules, and manifests found in those modules

programs() {
  cat <<'E'
pause ./cmd/pause
mkimage ./cmd/mkimage
csi ./cmd/csi
kube ./cmd/kube
coredns ./cmd/coredns
manager github.com/cloudnative-pg/cloudnative-pg/cmd/manager
helm helm.sh/helm/v4/cmd/helm
csi-provisioner github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner
csi-resizer github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer
csi-snapshotter github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter
snapshot-controller github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller
versitygw github.com/versity/versitygw/cmd/versitygw
E
  if [ "$barman_plugin" = 1 ]; then
    echo plugin-barman-cloud github.com/cloudnative-pg/plugin-barman-cloud/cmd/manager
  fi
}

ldflags="-s -w
  -X k8s.io/component-base/version.gitVersion=v$kube_version
  -X k8s.io/component-base/version.gitMajor=1
  -X k8s.io/component-base/version.gitMinor=36
  -X github.com/cloudnative-pg/cloudnative-pg/pkg/versions.buildVersion=$cnpg_version"

build() {
  mkdir -p "$bin" "$manifests"
  local program package key start common component
  # The version that builds is the one `go` chooses in the module's own folder.
  common=$({ (cd "$here" && go version); echo "$ldflags"; cat "$here/go.mod" "$here/go.sum"; } | digest)
  while read -r program package; do
    key=$({
      echo "$common $package"
      if [ -d "$here/$package" ]; then cat "$here/$package"/*.go; fi
    } | digest)
    if [ -x "$bin/$program" ] && [ "$(cat "$bin/.$program.key" 2>/dev/null)" = "$key" ]; then continue; fi
    start=$(now)
    (cd "$here" && CGO_ENABLED=0 timeout 3600 go build -trimpath -buildvcs=false -ldflags "$ldflags" \
      -o "$bin/$program.new" "$package") </dev/null >"$logs/build-$program.log" 2>&1 ||
      fail "build-$program" "go build failed"
    mv "$bin/$program.new" "$bin/$program"
    echo "$key" >"$bin/.$program.key"
    printf '%8s s  - %s\n' "$(since "$start")" "$program" >&2
  done < <(programs)
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
    ln -sf kube "$bin/$component"
  done
  stage_manifests "$common"
}

module_dir() { (cd "$here" && go mod download "$1" && go list -m -f '{{.Dir}}' "$1"); }

# stage_manifests KEY: copies what `up` applies, so that `up` itself needs no Go.
stage_manifests() {
  local key dir log=$logs/build-manifests.log
  key=$({ echo "$1 $barman_plugin"; declare -f stage_manifests; } | digest)
  if [ "$(cat "$manifests/.key" 2>/dev/null)" = "$key" ]; then return 0; fi

  # Snapshots of single volumes; the kinds for groups of volumes are left out.
  dir=$(module_dir github.com/kubernetes-csi/external-snapshotter/client/v8 2>"$log") || fail build-manifests "no module"
  cat "$dir"/config/crd/snapshot.storage.k8s.io_*.yaml >"$manifests/snapshots.yaml"

  dir=$(module_dir github.com/cloudnative-pg/cloudnative-pg 2>"$log") || fail build-manifests "no module"
  sed -E -e 's#(image|value): .*/cloudnative-pg:[^ ]*$#\1: localhost/cloudnative-pg:'"$cnpg_version"'#' \
    -e 's#imagePullPolicy: Always#imagePullPolicy: IfNotPresent#' \
    "$dir/releases/cnpg-$cnpg_version.yaml" >"$manifests/operator.yaml"

  if [ "$barman_plugin" = 1 ]; then
    # Its kind and its ClusterRole; the rest is in barman_manifest.
    dir=$(module_dir github.com/cloudnative-pg/plugin-barman-cloud 2>"$log") || fail build-manifests "no module"
    cat "$dir"/config/crd/bases/*.yaml "$dir/config/rbac/role.yaml" >"$manifests/barman.yaml"
  fi
  echo "$key" >"$manifests/.key"
}
