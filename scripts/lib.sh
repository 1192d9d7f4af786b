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
  if [ "$(id -u)" != 0 ]; then
    echo "missing: ${missing[*]} (install them, or run this as root)" >&2
    return 1
  fi
  step "installing ${missing[*]}"
  apt-get -q update >&2
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" >&2
}

# Everything that building, testing and the demo need of the distribution.
need_all() {
  need cc build-essential cmake cmake pkg-config pkg-config \
    ip iproute2 nft nftables mmdebstrap mmdebstrap zstd zstd \
    sshd openssh-server ssh openssh-client curl curl \
    runuser util-linux python3 python3
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
