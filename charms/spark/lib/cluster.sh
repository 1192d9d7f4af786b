# What the units tell each other in the peer relation, and what follows.
#
# The leader says in the application's settings:
#   secret    the secret with the key that all of them authenticate with
#   master    the address of the master, which is the leader's, once it runs
# Each unit says in its own:
#   address   where it is
#   worker    the address of the master that has taken it in

unit=$JUJU_UNIT_NAME
cluster=$(relation-ids cluster)

members() { relation-list -r "$cluster"; }
decided() { relation-get -r "$cluster" --app "$1" "$unit"; }
decide() { relation-set -r "$cluster" --app "$@"; }
told() { relation-get -r "$cluster" "$2" "$1" 2> /dev/null || true; }
tell() { relation-set -r "$cluster" "$@"; }
own_address() { network-get cluster --ingress-address; }
is_address() { [[ $1 =~ ^[0-9A-Fa-f.:]+$ ]]; }

# The addresses of the other units, one a line.
addresses() {
  local member
  for member in $(members); do
    told "$member" address
  done
}

# Everything, from whatever state.
reconcile() {
  local address key memory
  if [ "${JUJU_DEPARTING_UNIT-}" = "$unit" ]; then
    # From here on it sees the cluster shrink, which is so for this unit alone.
    stop_daemon worker
    stop_daemon master
    return 0
  fi
  if ! has_spark; then
    status-set blocked "needs Spark: lazuli attach-resource ${unit%/*} spark=FILE"
    return 0
  fi
  application-version-set "$(version)"
  memory=$(config-get worker-memory)
  if ! [[ $memory =~ ^([0-9]+[kKmMgG])?$ ]]; then
    status-set blocked "worker-memory is no amount such as 4g: $memory"
    return 0
  fi
  if [ "$(config-get worker-cores)" -lt 0 ]; then
    status-set blocked "worker-cores is negative"
    return 0
  fi
  address=$(own_address)
  tell address="$address"
  if [ "$(is-leader)" = True ] && [ -z "$(decided secret)" ]; then
    decide secret="$(secret-add --label authentication key="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)")"
  fi
  if [ -z "$(decided secret)" ]; then
    status-set waiting "waiting for the leader"
    return 0
  fi
  key=$(secret-get "$(decided secret)" key)
  changed=
  if configure "$address" "$key"; then changed=yes; fi
  if [ "$(is-leader)" = True ]; then
    be_master "$address"
  else
    be_worker "$address" "$(decided master)"
  fi
}

be_master() {
  local address=$1 workers='' count
  run_daemon master org.apache.spark.deploy.master.Master \
    --host "$address" --port "$master_port" --webui-port "$master_pages"
  if ! within 60 workers_of "$address" > /dev/null; then
    echo "the master does not answer after 60 s: see journalctl -u spark-master" >&2
    return 1
  fi
  # As long as there is nobody else the master works as well.
  if [ -z "$(members)" ]; then
    run_worker "$address" "$address"
    within 30 is_worker_of "$address" "$address" || true
  else
    stop_daemon worker
  fi
  decide master="$address"
  tell worker=
  open-port "$master_pages/tcp"
  # Not those that are going, which it may still have.
  workers=$({ addresses; [ -n "$(members)" ] || echo "$address"; } |
    grep -Fx -f <(workers_of "$address") || true)
  count=$(grep -c . <<< "$workers" || true)
  if [ "$count" -eq 0 ]; then
    status-set waiting "master, waiting for workers"
  else
    status-set active "master of $count worker$([ "$count" -eq 1 ] || echo s)"
  fi
}

be_worker() {
  local address=$1 master=$2
  if [ "$master" = "$address" ]; then
    # It was the leader; what runs goes on until the new one is the master.
    status-set waiting "waiting for the leader to be the master"
    return 0
  fi
  stop_daemon master
  close-port "$master_pages/tcp"
  if ! is_address "$master" || ! grep -Fqx -- "$master" <<< "$(addresses)"; then
    tell worker=
    status-set waiting "waiting for a master"
    return 0
  fi
  run_worker "$address" "$master"
  if ! within 45 is_worker_of "$address" "$master"; then
    tell worker=
    status-set waiting "waiting for the master $master to take it in"
    return 0
  fi
  tell worker="$master"
  status-set active "worker of $master"
}

run_worker() {
  local limits=() cores memory
  cores=$(config-get worker-cores) memory=$(config-get worker-memory)
  [ "$cores" -eq 0 ] || limits+=(--cores "$cores")
  [ -z "$memory" ] || limits+=(--memory "$memory")
  run_daemon worker org.apache.spark.deploy.worker.Worker \
    --host "$1" --port 7078 --webui-port 8081 --work-dir "$state/work" \
    "${limits[@]}" "spark://$2:$master_port"
}

is_worker_of() {
  local workers
  workers=$(workers_of "$2") || return 1
  grep -Fqx -- "$1" <<< "$workers"
}
