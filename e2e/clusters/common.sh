# What both providers of a cluster share. Sourced by kind/cluster and local/cluster, which define
# k (kubectl with the cluster's kubeconfig).

cnpg_version=1.30.0 # of the operator; local/go.mod names the same

say() { printf '%s\n' "$*" >&2; }
die() { say "cluster: $*"; exit 1; }
misuse() { say "cluster: $*"; exit 2; }

# check_archives FILE...: that load-image is given whole archives of images. What reads them later on
# says it with lines of its own log.
check_archives() {
  local file entries
  [ "$#" -gt 0 ] || misuse "load-image: name an image archive"
  for file in "$@"; do
    [ -f "$file" ] || die "$file: no such file"
    entries=$(tar --list --file "$file" 2>/dev/null) || die "$file is no archive, or a broken one"
    grep -qE '^(\./)?(index|manifest)\.json$' <<<"$entries" ||
      die "$file is no archive of an image (docker save, or OCI)"
  done
}

# webhook_answers: a dry run passes through the operator's webhooks and stores nothing. The operator's
# Deployment is Available a moment before its webhooks can be reached.
webhook_answers() {
  k create --dry-run=server -f - <<'Y'
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: webhook-probe, namespace: default}
spec: {instances: 1, storage: {size: 1Gi}}
Y
}
