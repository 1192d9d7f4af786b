# Spark on this unit: its files, its configuration, its daemons. Every function
# may be called again at any time.

home=/opt/spark
settings=/etc/spark
state=/var/lib/spark
master_port=7077
master_pages=8080

# Java 17 is in every series that this charm is for.
install_packages() {
  # Without it Java's package fails, on machines that leave manual pages out.
  mkdir -p /usr/share/man/man1
  apt-get -q update
  apt-get -q install -y --no-install-recommends openjdk-17-jre-headless python3
  id spark > /dev/null 2>&1 ||
    useradd --system --home-dir "$state" --shell /usr/sbin/nologin spark
  install -d -o spark -g spark -m 750 "$state"
}

# Unpacks the resource, unless that is done; leaves what is there if it cannot.
unpack_spark() {
  local archive sum new=$home.new
  archive=$(resource-get spark) || return 0
  [ -s "$archive" ] || return 0
  sum=$(sha256sum < "$archive" | cut -d' ' -f1)
  [ "$(archive_unpacked)" != "$sum" ] || return 0
  rm -rf "$new"
  mkdir -p "$new/archive" "$new/python"
  if ! tar -xzf "$archive" --no-same-owner --strip-components=1 -C "$new/archive" ||
    [ ! -x "$new/archive/deps/bin/spark-class" ] || [ ! -d "$new/archive/deps/jars" ]; then
    rm -rf "$new"
    juju-log -l ERROR "the resource spark is no source archive of pyspark"
    return 0
  fi
  # As in Spark's own distribution.
  mv "$new/archive/deps/"* "$new"
  mv "$new/archive/pyspark" "$new/archive/lib" "$new/python"
  rm -rf "$new/archive"
  echo "$sum" > "$new/.archive"
  rm -rf "$home"
  mv "$new" "$home"
}

archive_unpacked() { cat "$home/.archive" 2> /dev/null || true; }
has_spark() { [ -n "$(archive_unpacked)" ]; }

version() {
  sed -n "s/^__version__[^\"']*[\"']\([0-9A-Za-z.]*\).*/\1/p" "$home/python/pyspark/version.py"
}

# Writes standard input to a file: `place FILE MODE`; whether that changed it.
place() {
  # As a condition it is not under set -e.
  { (umask 077 && cat > "$1.new") && chown root:spark "$1.new" && chmod "$2" "$1.new"; } || exit 1
  if cmp -s "$1.new" "$1"; then
    rm "$1.new"
    return 1
  fi
  mv "$1.new" "$1" || exit 1
}

# What daemons and applications of this unit go by: `configure ADDRESS KEY`.
# Whether that is new.
configure() {
  install -d -o root -g spark -m 750 "$settings"
  place "$settings/spark-defaults.conf" 640 <<CONFIG
spark.authenticate              true
spark.authenticate.secret       $2
spark.network.crypto.enabled    true
spark.driver.host               $1
spark.worker.cleanup.enabled    true
CONFIG
}

# Runs a daemon of Spark's: `run_daemon master|worker CLASS ARGUMENTS...`;
# restarts it when that, or Spark itself, is new, or `changed` is set.
run_daemon() {
  local name=spark-$1 class=$2 new=${changed:-}
  shift 2
  if place "/etc/systemd/system/$name.service" 644 <<UNIT
# Of the archive $(archive_unpacked)
[Unit]
Description=Apache Spark ($name)
After=network-online.target

[Service]
User=spark
WorkingDirectory=$state
Environment=SPARK_CONF_DIR=$settings SPARK_DAEMON_MEMORY=512m
ExecStart=$home/bin/spark-class $class $*
SuccessExitStatus=143
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
  then
    systemctl daemon-reload
    new=yes
  fi
  systemctl --quiet enable "$name"
  if [ -n "$new" ]; then systemctl restart "$name"; else systemctl start "$name"; fi
}

stop_daemon() {
  local name=spark-$1
  [ -e "/etc/systemd/system/$name.service" ] || return 0
  systemctl --quiet disable --now "$name"
  rm -f "/etc/systemd/system/$name.service"
  systemctl daemon-reload
}

# The addresses of the workers that a master has, one a line; fails if it does
# not answer.
workers_of() {
  python3 - "http://$1:$master_pages/json/" <<'PYTHON'
import json
import sys
import urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(sys.argv[1], timeout=5) as answer:
        workers = json.load(answer)["workers"]
except (OSError, ValueError, KeyError):
    sys.exit(1)
for host in sorted({worker["host"] for worker in workers if worker["state"] == "ALIVE"}):
    print(host)
PYTHON
}

# Waits until a command succeeds: `within SECONDS COMMAND...`
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.5
  done
}
