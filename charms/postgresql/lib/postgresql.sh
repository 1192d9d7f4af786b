# PostgreSQL on this unit: its cluster, its configuration, its roles. Every
# function may be called again at any time.

# PostgreSQL's user may not look into the charm's directory.
cd /

data=/srv/pgdata/cluster
passwords=/var/lib/postgresql/.pgpass

version() { ls /usr/lib/postgresql | sort -V | tail -n 1; }
configuration() { echo "/etc/postgresql/$(version)/main"; }
has_cluster() { [ -d "$(configuration)" ] && [ -e "$data/PG_VERSION" ]; }
is_standby() { [ -e "$data/standby.signal" ]; }
as_postgres() { runuser -u postgres -- env HOME=/var/lib/postgresql "$@"; }
ctl() { pg_ctlcluster "$(version)" main "$@"; }
is_running() { ctl status > /dev/null 2>&1; }

# SQL on standard input; names and values as psql's variables, which psql quotes:
# `sql DATABASE -v name=value <<< 'create role :"name"'`.
sql() {
  local database=$1
  shift
  as_postgres psql -XAtq -v ON_ERROR_STOP=1 -p "$(config-get port)" -d "$database" "$@"
}

# Writes standard input to a file of PostgreSQL's; whether that changed it.
place() {
  local file=$1 mode=$2
  # As a condition it is not under set -e.
  { cat > "$file.new" && chown postgres:postgres "$file.new" && chmod "$mode" "$file.new"; } || exit 1
  if cmp -s "$file.new" "$file"; then
    rm "$file.new"
    return 1
  fi
  mv "$file.new" "$file" || exit 1
}

install_packages() {
  mkdir -p /etc/postgresql-common
  # The charm makes the only cluster, on the unit's storage.
  cat > /etc/postgresql-common/createcluster.conf <<'CONFIG'
create_main_cluster = false
add_include_dir = 'conf.d'
CONFIG
  apt-get -q update
  apt-get -q install -y postgresql
}

# The cluster's configuration, and its content if there is none.
make_cluster() {
  has_cluster && return 0
  # Of a copy that was not finished.
  rm -rf "$(configuration)"
  mkdir -p "$data"
  chown postgres:postgres "$data"
  chmod 700 "$data"
  # What is there already, on storage that another unit left, is taken over.
  if [ -e "$data/PG_VERSION" ]; then
    pg_createcluster "$(version)" main -d "$data" -p "$(config-get port)"
  else
    pg_createcluster "$(version)" main -d "$data" -p "$(config-get port)" -- --data-checksums
  fi
}

settings() {
  cat <<CONFIG
listen_addresses = '*'
port = $(config-get port)
max_connections = $(config-get max-connections)
password_encryption = 'scram-sha-256'
wal_level = 'replica'
hot_standby = on
wal_log_hints = on
max_wal_senders = 20
max_replication_slots = 20
wal_keep_size = '256MB'
CONFIG
}

# The settings, and who may connect (lines of pg_hba.conf on standard input).
configure() {
  local changed=
  place "$(configuration)/pg_hba.conf" 640 < <(
    echo 'local all postgres peer'
    echo 'local all all peer'
    sort -u
  ) && changed=hba
  place "$(configuration)/conf.d/charm.conf" 644 < <(settings) && changed=settings
  case $changed in
    settings) if is_running; then ctl restart; fi ;;
    hba) if is_running; then ctl reload; fi ;;
  esac
  is_running || ctl start
}

# Follows a primary: `follow_primary ADDRESS SLOT`; whether that is new.
follow_primary() {
  place "$(configuration)/conf.d/replication.conf" 644 <<CONFIG
primary_conninfo = 'host=$1 port=$(config-get port) user=replicator application_name=$2'
primary_slot_name = '$2'
CONFIG
}

remember_password() {
  place "$passwords" 600 <<< "*:*:*:replicator:$1" || true
}

# How another unit is connected to: one that is lost must hold up no hook.
conninfo() {
  echo "host=$1 port=$(config-get port) user=replicator connect_timeout=10 \
keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=30000"
}

# Whether a unit answers as a primary.
answers() {
  local said
  said=$(as_postgres psql -XAtqw "$(conninfo "$1") dbname=postgres" -c 'select pg_is_in_recovery()') || return 1
  [ "$said" = f ]
}

# A copy of a primary in the place of what is there: `copy_primary ADDRESS SLOT`.
copy_primary() {
  if [ ! -d "$(configuration)" ]; then
    make_cluster
    # It has the configuration's files now; nobody's content.
    rm -rf "$data"
  fi
  local copy=$data.copy
  rm -rf "$copy"
  install -d -o postgres -g postgres -m 700 "$copy"
  as_postgres pg_basebackup -d "$(conninfo "$1")" -w -D "$copy" -X stream -S "$2" --checkpoint=fast
  touch "$copy/standby.signal"
  chown postgres:postgres "$copy/standby.signal"
  if is_running; then ctl stop -m fast; fi
  rm -rf "$data"
  mv "$copy" "$data"
}

# What was a primary becomes a replica of another: `rewind ADDRESS`.
rewind() {
  if is_running; then ctl stop -m fast; fi
  as_postgres "/usr/lib/postgresql/$(version)/bin/pg_rewind" -D "$data" \
    --config-file "$(configuration)/postgresql.conf" \
    --source-server "$(conninfo "$1") dbname=postgres" || return 1
  touch "$data/standby.signal"
  chown postgres:postgres "$data/standby.signal"
}

promote() {
  is_standby || return 0
  is_running || ctl start
  ctl promote
  local tries=60
  until [ "$(sql postgres <<< 'select pg_is_in_recovery()')" = f ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "it is still in recovery after 60 s" >&2; return 1; }
    sleep 1
  done
}

# How much of the primary's log is here, in bytes.
position() {
  sql postgres <<< "select greatest(
    pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), '0/0'), '0/0'),
    pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0'))"
}

# Where the last checkpoint is in the log: the very end, after a clean shutdown.
last_checkpoint() {
  as_postgres "/usr/lib/postgresql/$(version)/bin/pg_controldata" "$data" |
    sed -n 's/^Latest checkpoint location: *//p'
}

# Whether this replica has the record at a place of the log, and so all before it.
has_beyond() {
  [[ $1 =~ ^[0-9A-F]+/[0-9A-F]+$ ]] || return 1
  [ "$(sql postgres -v place="$1" <<< "select greatest(
    coalesce(pg_last_wal_receive_lsn(), '0/0'),
    coalesce(pg_last_wal_replay_lsn(), '0/0')) > :'place'::pg_lsn")" = t ]
}

# Waits a little for the stream from the primary; whether it is there.
streams() {
  local tries=${1:-1}
  until [ "$(sql postgres <<< "select count(*) from pg_stat_wal_receiver where status = 'streaming'")" = 1 ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 1
  done
}

make_replicator() {
  sql postgres -v password="$1" <<'SQL'
select not exists (select from pg_roles where rolname = 'replicator') as missing \gset
\if :missing
create role replicator with login replication;
\endif
alter role replicator password :'password';
grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean) to replicator;
grant execute on function pg_catalog.pg_stat_file(text, boolean) to replicator;
grant execute on function pg_catalog.pg_read_binary_file(text) to replicator;
grant execute on function pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to replicator;
SQL
}

# A slot for each of the names given, and for nobody else.
keep_slots() {
  local slot there
  there=$(sql postgres <<< 'select slot_name from pg_replication_slots where slot_type = '"'physical'")
  for slot in "$@"; do
    grep -qx "$slot" <<< "$there" || sql postgres -v slot="$slot" <<< "select pg_create_physical_replication_slot(:'slot', true)" > /dev/null
  done
  for slot in $there; do
    [[ " $* " == *" $slot "* ]] || sql postgres -v slot="$slot" <<'SQL' > /dev/null
select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = :'slot' and active;
select pg_drop_replication_slot(:'slot') from pg_replication_slots where slot_name = :'slot' and not active;
SQL
  done
}

# A database and its owner: `make_database DATABASE USER PASSWORD`.
make_database() {
  sql postgres -v database="$1" -v user="$2" -v password="$3" <<'SQL'
select not exists (select from pg_roles where rolname = :'user') as missing \gset
\if :missing
create role :"user" with login;
\endif
alter role :"user" with login password :'password';
select not exists (select from pg_database where datname = :'database') as missing \gset
\if :missing
create database :"database" owner :"user";
revoke connect on database :"database" from public;
\endif
grant connect on database :"database" to :"user";
grant create on database :"database" to :"user";
SQL
  # Tables of a relation that is over stay, for the next user of the database.
  sql "$1" -v user="$2" <<'SQL'
grant all on schema public to :"user";
grant all on all tables in schema public to :"user";
grant all on all sequences in schema public to :"user";
SQL
}

# Nobody logs in as this user any more; what it owns stays.
close_user() {
  sql postgres -v user="$1" <<'SQL' > /dev/null
select exists (select from pg_roles where rolname = :'user') as there \gset
\if :there
alter role :"user" with nologin password null;
select pg_terminate_backend(pid) from pg_stat_activity where usename = :'user';
\endif
SQL
}
