# Container images, made without a container engine. Sourced by `cluster`.

# rootfs FILE PACKAGES SUITE...: a Debian file system as a tar file, from the mirror apt uses.
rootfs() {
  local file=$1 include=$2 key mirror suite sources=() log
  log=$logs/$(basename "$1").log
  shift 2
  key=$(printf '%s\n' "$include" "$@" "$(declare -f rootfs)" | digest)
  if [ -s "$file" ] && [ "$(cat "$file.key" 2>/dev/null)" = "$key" ]; then return 0; fi
  # shellcheck disable=SC2016 # expanded by apt-get
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [ -n "$mirror" ] || die "apt knows no Debian mirror: run apt-get update"
  for suite in "$@"; do
    # The index of a suite still in the making expires within days, and a mirror may lag behind.
    # Its signature is checked all the same.
    case $suite in
      forky) sources+=("deb [check-valid-until=no] $mirror $suite main") ;;
      *) sources+=("deb $mirror $suite main") ;;
    esac
  done
  # JIT is left out: its compiler library alone is larger than PostgreSQL.
  # shellcheck disable=SC2016 # expanded by the hooks' shell
  timeout 1200 mmdebstrap --variant=minbase --include="$include" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' --dpkgopt='path-exclude=/usr/lib/llvm-*' \
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' \
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
    --essential-hook='mkdir -p "$1/etc/postgresql-common"' \
    --essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
    --customize-hook='chroot "$1" usermod --uid 26 postgres' \
    --customize-hook='chroot "$1" chown -R 26 /var/lib/postgresql /run/postgresql' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/* "$1"/etc/apt/sources.list*' \
    --format=tar "$1" "$file.new" "${sources[@]}" >"$log" 2>&1 </dev/null || fail "$(basename "$file")" "mmdebstrap failed"
  mv "$file.new" "$file"
  echo "$key" >"$file.key"
}

# image NAME INPUT... -- MKIMAGE-ARGUMENT...: writes an archive, unless it was made from the same.
image() {
  local file=$images/$1.tar key inputs=()
  shift
  while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
  done
  shift
  # Where the programs lie is no part of the image.
  key=$({ printf '%s\n' "${@//"$home"/}"; cat "$bin/.mkimage.key" "${inputs[@]}"; } | digest)
  if [ -s "$file" ] && [ "$(cat "$file.key" 2>/dev/null)" = "$key" ]; then return 0; fi
  mkimage -out "$file.new" "$@"
  mv "$file.new" "$file"
  echo "$key" >"$file.key"
}

# older_libraries FILE: a major upgrade runs 15's own programs in 17's image. This layer holds the
# libraries they are linked to that are missing there.
older_libraries() {
  local file=$1 key
  key=$({ cat "$images"/rootfs-1{5,7}.key; declare -f older_libraries; } | digest)
  if [ -s "$file" ] && [ "$(cat "$file.key" 2>/dev/null)" = "$key" ]; then return 0; fi
  (
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/old" "$work/new"
    tar -C "$work/old" -xf "$images/rootfs-15"
    tar -tf "$images/rootfs-17" >"$work/present"
    # shellcheck disable=SC2016 # expanded by the inner shell
    chroot "$work/old" bash -c 'for file in /usr/lib/postgresql/15/bin/*; do ldd "$file"; done' 2>/dev/null |
      awk '$2 == "=>" { print $3 }' | sort -u | while read -r library; do
      grep -qF "/$(basename "$library")" "$work/present" || cp -L --parents "$work/old/./usr/lib/${library#/*lib/}" "$work/new"
    done
    tar -C "$work/new/$work/old" --sort=name --mtime=@0 -cf "$file.new" ./usr
  )
  mv "$file.new" "$file"
  echo "$key" >"$file.key"
}

postgres_config() {
  printf '{"User":"26","Env":["PATH=/usr/lib/postgresql/%s/bin:/usr/sbin:/usr/bin:/sbin:/bin","LANG=C.UTF-8"],"Cmd":["bash"]}' "$1"
}

build_images() {
  mkdir -p "$images"
  local users=$'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n'
  image pause "$bin/.pause.key" -- -name localhost/pause:1 -config '{"Entrypoint":["/pause"]}' -file "$bin/pause:/pause"
  image operator "$bin/.manager.key" -- -name "localhost/cloudnative-pg:$cnpg_version" \
    -config '{"User":"65532","WorkingDir":"/","Entrypoint":["/manager"],"Env":["PATH=/usr/bin:/bin"]}' \
    -file "$bin/manager:/operator/manager_amd64" -link operator/manager_amd64:/manager \
    -text "$users:/etc/passwd" -dir /tmp
  rootfs "$images/rootfs-17" postgresql-17,barman-cli-cloud,ca-certificates trixie
  local layers=("$images/rootfs-17")
  if [ "$older_image" = 1 ]; then
    rootfs "$images/rootfs-15" postgresql-15,barman-cli-cloud,ca-certificates bookworm
    image postgresql-15 "$images/rootfs-15.key" -- -name localhost/postgresql:15 \
      -config "$(postgres_config 15)" "$images/rootfs-15"
    older_libraries "$images/libraries-15"
    layers+=("$images/libraries-15")
  fi
  image postgresql-17 "${layers[@]/%/.key}" -- -name localhost/postgresql:17 \
    -config "$(postgres_config 17)" "${layers[@]}"
  if [ "$barman_plugin" = 1 ]; then
    # One program, beside the operator and beside each PostgreSQL, where it calls barman-cloud-*: one
    # image with two names, on the file system that containerd has already.
    image barman "$images/rootfs-17.key" "$bin/.plugin-barman-cloud.key" -- \
      -name "localhost/plugin-barman-cloud:$barman_version" -name "localhost/plugin-barman-cloud-sidecar:$barman_version" \
      -config '{"User":"26","WorkingDir":"/","Entrypoint":["/manager"],"Env":["PATH=/usr/bin:/bin","LANG=C.UTF-8"]}' \
      -file "$bin/plugin-barman-cloud:/manager" "$images/rootfs-17"
  fi
  if [ "$upgrade_image" = 1 ]; then
    # A major upgrade runs 17's own programs in this image, with the libraries they were linked to.
    rootfs "$images/rootfs-18" postgresql-18,barman-cli-cloud,ca-certificates,libicu76,libxml2 forky trixie
    image postgresql-18 "$images/rootfs-18.key" -- -name localhost/postgresql:18 \
      -config "$(postgres_config 18)" "$images/rootfs-18"
  fi
}

# import FILE...: into the running containerd, unless this very archive is there already.
import() {
  local file key mark output
  mkdir -p "$state/imported"
  for file in "$@"; do
    mark=$state/imported/$(basename "$file" .tar)
    if [ -f "$file.key" ]; then key=$(cat "$file.key"); else key=$(digest <"$file"); fi
    if [ "$(cat "$mark" 2>/dev/null)" = "$key" ]; then continue; fi
    output=$(lab timeout 300 ctr --namespace k8s.io images import - <"$file" 2>&1) ||
      die "$file could not be imported: ${output##*$'\n'}"
    echo "$key" >"$mark"
  done
}
