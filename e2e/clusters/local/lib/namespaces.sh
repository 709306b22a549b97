# The namespaces, cgroups and network that everything runs in, and the processes there. Sourced by `cluster`.
#
# Everything runs below one process, which is process 1 of its own PID namespace and has its own
# mount, network, UTS and IPC namespaces. Ending it ends every process and every mount at once.

init_pid() {
  local pid
  pid=$(cat "$run/init.pid" 2>/dev/null) || return 1
  # A number that now belongs to somebody else's process is not ours.
  [ "$(readlink "/proc/$pid/ns/net" 2>/dev/null)" = "net:[$(stat -Lc %i "/run/netns/$name" 2>/dev/null)]" ] || return 1
  printf '%s' "$pid"
}

lab() {
  local pid
  pid=$(init_pid) || return 1
  nsenter --target "$pid" --mount --net --pid --uts --ipc -- "$@"
}

# alive COMPONENT. Pid files hold numbers of the lab's own PID namespace.
alive() {
  local pid
  pid=$(cat "$run/$1.pid" 2>/dev/null) && lab kill -0 "$pid" 2>/dev/null
}

# dead_component names the first component that was started and is no longer there.
dead_component() {
  local component
  for component in "${components[@]}"; do
    if [ -f "$run/$component.pid" ] && ! alive "$component"; then
      echo "$component"
      return
    fi
  done
}

# start COMPONENT COMMAND...
start() {
  local component=$1
  shift
  if alive "$component"; then return 0; fi
  # shellcheck disable=SC2016 # expanded by the inner shell
  lab bash -c '
    log=$1 pid=$2; shift 2
    cd /
    setsid "$@" >"$log" 2>&1 </dev/null 9>&- &
    echo $! >"$pid"' start "$logs/$component.log" "$run/$component.pid" "$@"
}

# stop COMPONENT SECONDS: asks it to end, then makes it.
stop() {
  local component=$1 limit=$2 pid end
  pid=$(cat "$run/$component.pid" 2>/dev/null) || return 0
  end=$((SECONDS + limit))
  lab kill -TERM "$pid" 2>/dev/null || true
  while alive "$component" && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
  if alive "$component"; then lab kill -KILL "$pid" 2>/dev/null || true; fi
  rm -f "$run/$component.pid"
}

cgroup_roots() {
  local dir
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
    return
  fi
  for dir in /sys/fs/cgroup/*/; do
    # Links are second names of one hierarchy.
    [ -L "${dir%/}" ] || echo "${dir%/}"
  done
}

make_cgroups() {
  local root part
  for root in $(cgroup_roots); do
    mkdir -p "$root/$name"
    if [ "$root" = /sys/fs/cgroup ]; then
      for part in $(<"$root/cgroup.controllers"); do
        echo "+$part" >"$root/cgroup.subtree_control" 2>/dev/null || true
        echo "+$part" >"$root/$name/cgroup.subtree_control" 2>/dev/null || true
      done
    fi
    for part in cpuset.cpus cpuset.mems; do
      if [ -f "$root/$part" ]; then cat "$root/$part" >"$root/$name/$part"; fi
    done
  done
}

remove_cgroups() {
  local root end=$((SECONDS + 10))
  for root in $(cgroup_roots); do
    while [ -d "$root/$name" ]; do
      find "$root/$name" -depth -type d -exec rmdir {} \; 2>/dev/null || true
      [ "$SECONDS" -lt "$end" ] || break
    done
    [ ! -d "$root/$name" ] || say "cluster: cgroup $root/$name could not be removed"
  done
}

make_network() {
  ip netns add "$name"
  ip link add "$link" type veth peer name uplink netns "$name"
  ip addr add "$host_ip/$link_bits" dev "$link"
  ip link set "$link" up
  ip -n "$name" link set lo up
  ip -n "$name" addr add "$node_ip/$link_bits" dev uplink
  ip -n "$name" link set uplink up
  # There is no default route. Service addresses need some route, or the kernel refuses them
  # before kube-proxy's rules see them; this one leads nowhere.
  ip -n "$name" link add services type bridge
  ip -n "$name" link set services up
  ip -n "$name" route add "$service_cidr" dev services src "$node_ip"
  # Nothing in the lab may open a connection to the host, but for the ports named.
  local rule=(-o uplink -m conntrack --ctstate NEW) chain
  for chain in OUTPUT FORWARD; do
    if [ -n "$host_ports" ]; then
      nsenter --net="/run/netns/$name" iptables -w -A "$chain" "${rule[@]}" -p tcp -m multiport --dports "$host_ports" -j ACCEPT
    fi
    nsenter --net="/run/netns/$name" iptables -w -A "$chain" "${rule[@]}" -j REJECT
  done
  ip route add "$pod_cidr" via "$node_ip" dev "$link" src "$host_ip"
  ip route add "$service_cidr" via "$node_ip" dev "$link" src "$host_ip"
}

make_namespaces() {
  if init_pid >/dev/null; then return 0; fi
  remove_namespaces
  mkdir -p "$run" "$state"/{kubelet,containerd,etcd,csi,s3,opt} "$etc" "$logs"/{pods,containers}
  chmod 700 "$state"
  make_cgroups
  make_network
  printf 'nameserver %s\n' "$node_ip" >"$etc/resolv.conf"

  local setup outer pid end
  # shellcheck disable=SC2016 # expanded by the inner shell
  setup='
    set -e
    state=$1 logs=$2 node=$3 etc=$4 init=$5
    over() { mkdir -p "$2"; mount --bind "$1" "$2"; }
    over "$state/kubelet" /var/lib/kubelet
    over "$state/containerd" /var/lib/containerd
    over "$logs/pods" /var/log/pods
    over "$logs/containers" /var/log/containers
    for dir in /run/containerd /run/netns /var/lib/cni; do
      mkdir -p "$dir"
      mount -t tmpfs -o mode=755 lab "$dir"
    done
    mount --bind "$etc/resolv.conf" "$(readlink -f /etc/resolv.conf)"
    mount --make-rshared /
    echo "$node" >/proc/sys/kernel/hostname
    echo 1 >/proc/sys/net/ipv4/ip_forward
    exec "$init"'
  setsid nsenter --net="/run/netns/$name" \
    unshare --mount --propagation slave --uts --ipc --pid --fork --mount-proc \
    bash -c "$setup" setup "$state" "$logs" "$node" "$etc" "$bin/pause" \
    >"$logs/namespaces.log" 2>&1 </dev/null 9>&- &
  outer=$!
  end=$((SECONDS + 10))
  while :; do
    for pid in $(ps -o pid= --ppid "$outer"); do
      if [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$bin/pause")" ]; then
        echo "$pid" >"$run/init.pid"
        disown "$outer"
        return 0
      fi
    done
    kill -0 "$outer" 2>/dev/null || fail namespaces "could not be made"
    [ "$SECONDS" -lt "$end" ] || fail namespaces "not ready after 10 s"
    sleep 0.1
  done
}

remove_namespaces() {
  local pid end=$((SECONDS + 20))
  if pid=$(init_pid); then
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ]; do
      [ "$SECONDS" -lt "$end" ] || fail namespaces "process $pid does not end"
      sleep 0.1
    done
  fi
  if [ -e "/run/netns/$name" ]; then ip netns del "$name"; fi
  if [ -e "/sys/class/net/$link" ]; then ip link del "$link"; fi
  remove_cgroups
  rm -rf "$run"
}
