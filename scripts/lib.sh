# Shared by the scripts. Sourced, not run.

# Says what is being done, on stderr.
step() { printf '\n== %s\n' "$*" >&2; }

# Installs Debian packages that are missing: `need COMMAND PACKAGE`...
need() {
  local missing=()
  while [ $# -gt 0 ]; do
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing+=("$2")
    shift 2
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  install_packages "${missing[@]}"
}

# Installs Debian packages: `install_packages PACKAGE...`
install_packages() {
  if [ "$(id -u)" != 0 ]; then
    echo "missing: $* (install them, or run this as root)" >&2
    return 1
  fi
  step "installing $*"
  # Programs are wanted, not services: an SSH server that nobody asked for
  # must not begin to listen, now or at the next boot.
  local policy=/usr/sbin/policy-rc.d had_sshd=
  [ ! -e /usr/sbin/sshd ] || had_sshd=yes
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    # shellcheck disable=SC2064
    trap "rm -f '$policy'" RETURN
  fi
  apt-get -q update >&2
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2
  if [ -z "$had_sshd" ] && [ -e /usr/sbin/sshd ] && command -v systemctl >/dev/null 2>&1; then
    systemctl --quiet disable ssh.service ssh.socket >/dev/null 2>&1 || true
  fi
}

# Everything that building, testing and the demo need of the distribution.
need_all() {
  if ! command -v cargo >/dev/null 2>&1; then
    echo "cargo is missing: install a Rust toolchain, 1.94 or later (with sudo, keep its PATH: sudo env PATH=\"\$PATH\" $0)" >&2
    return 1
  fi
  need cc build-essential cmake cmake pkg-config pkg-config \
    ip iproute2 nft nftables mmdebstrap mmdebstrap zstd zstd \
    sshd openssh-server ssh openssh-client curl curl \
    runuser util-linux script bsdutils tmux tmux python3 python3
  if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ]; then
      echo "missing: postgresql (install it, or run this as root)" >&2
      return 1
    fi
    step "installing postgresql"
    # A private server is started by whoever needs one; the package's own
    # cluster is not wanted.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
    apt-get -q update >&2
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
      -o Dpkg::Options::=--force-confold postgresql >&2
  fi
}

# Makes a Python environment in target/NAME with what a file of requirements
# names, unless it has that already: `python_with NAME FILE`.
python_with() {
  local venv=target/$1 wanted
  wanted=$(cat "$2")
  [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ] || return 0
  step "installing $wanted"
  need python3 python3
  python3 -m venv "$venv" 2>/dev/null || { install_packages python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$2"
  echo "$wanted" > "$venv/installed"
}

# Starts `lazulid dev` on DIR and waits until it is ready; sets `daemon`, its
# pid, and LAZULI_DATA: `start_dev DIR LISTEN FLAVOUR`. The programs of
# target/debug come first in PATH.
start_dev() {
  local dir=$1 begun=$SECONDS
  export LAZULI_DATA=$dir/cli
  export PATH=$PWD/target/debug:$PATH
  : > "$dir/lazulid.out"
  lazulid dev --data "$dir" --listen "$2" --default-flavour "$3" \
    > "$dir/lazulid.out" 2> "$dir/lazulid.log" &
  daemon=$!
  until grep -q ready "$dir/lazulid.out"; do
    if ! kill -0 "$daemon" 2>/dev/null || [ $((SECONDS - begun)) -ge 300 ]; then
      tail -n 20 "$dir/lazulid.log" >&2
      echo "lazulid is not ready" >&2
      return 1
    fi
    sleep 0.2
  done
}

# Ends what start_dev started; the data stays.
end_dev() {
  if [ -n "${daemon:-}" ] && kill -0 "$daemon" 2>/dev/null; then
    kill -TERM "$daemon"
    wait "$daemon" || true
  fi
  daemon=
}

# Removes all that start_dev made, after end_dev; fails if something is left:
# `forget_dev DIR`.
forget_dev() {
  local left=0
  if ! azure-sim destroy --data "$1/azure" >&2; then
    # What a guest still uses must not be removed under it.
    echo "guests are left; see $1" >&2
    return 1
  fi
  rm -rf "$1"
  if grep -q "$1" /proc/self/mountinfo; then
    echo "mounts are left below $1" >&2
    left=1
  fi
  local process
  for process in /proc/[0-9]*; do
    if [[ "$(tr '\0' ' ' 2>/dev/null < "$process/cmdline")" == *"$1"* ]]; then
      echo "process ${process#/proc/} is left: $(tr '\0' ' ' < "$process/cmdline")" >&2
      left=1
    fi
  done
  return "$left"
}

# Runs a command against a fresh `lazulid dev`, of which nothing stays:
# `in_fresh_dev FLAVOUR COMMAND...`. If it fails, the log's end is shown.
in_fresh_dev() {
  local flavour=$1
  shift
  (
    dir=$(mktemp -d /var/tmp/lazuli-XXXXXX)
    chmod 755 "$dir"
    daemon=
    finish() {
      local status=$?
      trap - EXIT INT TERM
      if [ "$status" != 0 ]; then
        tail -n 50 "$dir/lazulid.log" >&2 || true
      fi
      end_dev
      forget_dev "$dir" || status=1
      exit "$status"
    }
    trap finish EXIT
    trap 'exit 130' INT TERM
    step "starting Postgres, the simulator, the controller and the API"
    start_dev "$dir" 127.0.0.1:0 "$flavour"
    step "$*"
    "$@"
  )
}
