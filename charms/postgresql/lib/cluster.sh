# What the units tell each other in the peer relation, and what follows.
#
# The leader decides, in the application's settings:
#   primary, epoch   which unit is the primary, and the how many'th that is
#   from             which one it takes over from, and has to wait for
#   forced           the epoch that does not wait for anybody
#   election         asks the replicas how far they are, once a primary is gone
#   replication      the secret with the password of replication
#   db-N             of the relation N: its database and the secret of its user
# Each unit says, in its own:
#   address          where it is
#   epoch            for the primary: since which epoch it is that
#   ready            for the primary: who may copy and follow it
#   users            for the primary: the relations whose users are made
#   released         for a former primary: the epoch that it made way for
#   handed           where its log ended then
#   lacks            for who was to be the primary: the epoch that it cannot take
#                    over in, since it has not got all up to there
#   follows          for a replica: the primary, and its epoch
#   vote             ELECTION:BYTES, how far it is

unit=$JUJU_UNIT_NAME
cluster=$(relation-ids cluster)

slot_of() { echo "${1//[^a-z0-9]/_}"; }
members() { relation-list -r "$cluster"; }
decided() { relation-get -r "$cluster" --app "$1" "$unit"; }
decide() { relation-set -r "$cluster" --app "$@"; }
# Nothing of a unit that is not met yet, or was left.
told() { relation-get -r "$cluster" "$2" "$1" 2> /dev/null || true; }
tell() { relation-set -r "$cluster" "$@"; }
own_address() { network-get cluster --ingress-address; }
is_leader() { [ "$(is-leader)" = True ]; }
# Of IPv4, which the model's network has: as /32 it is one host.
is_address() { [[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]]; }

is_member() {
  [ "$1" = "$unit" ] || grep -qx -- "$1" <<< "$(members)"
}

# What the model says of a unit: nothing once it is gone, dying or dead when
# it goes.
state_of() {
  goal-state --format json | python3 -c '
import json, sys
print(json.load(sys.stdin)["units"].get(sys.argv[1], {}).get("status", ""))' "$1"
}

# Whether a unit has left for good: one that is merely not met yet has not.
is_gone() {
  is_member "$1" && return 1
  [ "${JUJU_DEPARTING_UNIT-}" != "$1" ] || return 0
  [[ "$(state_of "$1")" =~ ^(dying|dead|)$ ]]
}

random_password() { head -c 24 /dev/urandom | base64 | tr -d '+/='; }

secret_value() { secret-get "$1" "$2"; }

replication_password() {
  local secret
  secret=$(decided replication)
  [ -z "$secret" ] || secret_value "$secret" password
}

# --- the leader ---------------------------------------------------------------

lead() {
  is_leader || return 0
  if [ -z "$(decided replication)" ]; then
    decide replication="$(secret-add --label replication password="$(random_password)")"
  fi
  local primary
  primary=$(decided primary)
  if [ -z "$primary" ]; then
    decide primary="$unit" epoch=1
  elif is_gone "$primary"; then
    elect
  else
    give_back "$primary"
  fi
  lead_databases
}

# Who was to take over and lacks something does not: the old primary goes on.
give_back() {
  local epoch from
  epoch=$(decided epoch) from=$(decided from)
  [ -n "$from" ] && [ "$(told "$1" lacks)" = "$epoch" ] && is_member "$from" || return 0
  juju-log -l WARNING "$1 has not got all that $from wrote: $from stays the primary"
  decide primary="$from" epoch=$((epoch + 1)) from=
}

# Asks all who are left how far they are, and takes who is furthest.
elect() {
  local election wanted best='' most=-1 member vote
  wanted=$(($(decided epoch) + 1))
  election=$(decided election)
  if [ "$election" != "$wanted" ]; then
    decide election="$wanted"
  fi
  vote_for "$wanted"
  for member in "$unit" $(members); do
    if [ "$member" = "$unit" ]; then vote=$own_vote; else vote=$(told "$member" vote); fi
    if [ "${vote%%:*}" != "$wanted" ]; then
      juju-log "waiting for the vote of $member"
      return 0
    fi
    vote=${vote#*:}
    if [[ $vote =~ ^[0-9]+$ ]] && [ "$vote" -gt "$most" ]; then
      most=$vote best=$member
    fi
  done
  [ -n "$best" ] || return 0
  juju-log "the primary is gone: $best takes its place, at $most bytes"
  decide primary="$best" epoch="$wanted" from=
}

own_vote=
vote_for() {
  own_vote=$1:none
  if has_cluster && is_standby; then
    is_running || ctl start
    own_vote=$1:$(position)
  fi
  tell vote="$own_vote"
}

# A user and a database for each relation, told when the primary has made them.
lead_databases() {
  local relation number database secret primary address hosts member
  primary=$(decided primary)
  for relation in $(relation-ids db); do
    number=${relation#*:}
    if [ -z "$(decided "db-$number")" ]; then
      database=$(requested_database "$relation")
      [ -n "$database" ] || continue
      secret=$(secret-add --label "db-$number" username="relation_$number" password="$(random_password)")
      secret-grant "$secret" --relation "$number"
      decide "db-$number=$database $secret"
      continue
    fi
    [ -n "$primary" ] && made_for "$primary" "$number" || continue
    read -r database secret <<< "$(decided "db-$number")"
    address=$(address_of "$primary")
    is_address "$address" || continue
    hosts=
    for member in "$unit" $(members); do
      [ "$member" != "$primary" ] || continue
      local other
      other=$(address_of "$member")
      is_address "$other" && hosts="$hosts${hosts:+,}$other:$(config-get port)"
    done
    relation-set -r "$relation" --app database="$database" secret-user="$secret" \
      endpoints="$address:$(config-get port)" read-only-endpoints="$hosts" version="$(version)"
  done
}

address_of() {
  if [ "$1" = "$unit" ]; then own_address; else told "$1" address; fi
}

own_users=
made_for() {
  local users
  if [ "$1" = "$unit" ]; then users=$own_users; else users=$(told "$1" users); fi
  [[ " $users " == *" $2 "* ]]
}

# What the other end asks for; nothing as long as it has not asked.
requested_database() {
  local relation=$1 remote name
  remote=$(relation-list -r "$relation" --app)
  name=$(relation-get -r "$relation" --app database "$remote" 2> /dev/null || true)
  # Names of the system's own are nobody else's.
  [[ $name =~ ^[a-z][a-z0-9_]{0,62}$ && $name != postgres && $name != template* ]] || return 0
  echo "$name"
}

# --- every unit ---------------------------------------------------------------

# Lines of pg_hba.conf: who replicates, and whose users come from where.
allowed() {
  local member address relation number database secret remote
  for member in $(members); do
    address=$(told "$member" address)
    is_address "$address" || continue
    echo "host replication replicator $address/32 scram-sha-256"
    echo "host postgres replicator $address/32 scram-sha-256"
  done
  for relation in $(relation-ids db); do
    number=${relation#*:}
    read -r database secret <<< "$(decided "db-$number")"
    [ -n "${secret-}" ] || continue
    for remote in $(relation-list -r "$relation"); do
      address=$(relation-get -r "$relation" ingress-address "$remote")
      is_address "$address" || continue
      echo "host $database relation_$number $address/32 scram-sha-256"
    done
  done
}

# This unit is to be the primary.
be_primary() {
  local epoch=$1 from ready='' member
  if has_cluster && is_standby; then
    from=$(decided from)
    if [ -n "$from" ] && [ "$(decided forced)" != "$epoch" ] && is_member "$from"; then
      if [ "$(told "$from" released)" != "$epoch" ]; then
        status-set waiting "waiting for $from to hand over"
        return 0
      fi
      is_running || ctl start
      if ! has_beyond "$(told "$from" handed)"; then
        tell lacks="$epoch"
        status-set waiting "has not got all that $from wrote, which stays the primary"
        return 0
      fi
    fi
    rm -f "$(configuration)/conf.d/replication.conf"
    promote
  fi
  make_cluster
  configure < <(allowed)
  local password
  password=$(replication_password)
  if [ -z "$password" ]; then
    status-set waiting "waiting for the password of replication"
    return 0
  fi
  make_replicator "$password"
  remember_password "$password"
  local slots=()
  for member in $(members); do
    slots+=("$(slot_of "$member")")
    is_address "$(told "$member" address)" && ready="$ready${ready:+ }$member"
  done
  keep_slots "${slots[@]}"
  make_users
  tell epoch="$epoch" ready="$ready" users="$own_users" vote= follows= lacks=
  local count
  count=$(sql postgres <<< "select count(*) from pg_stat_replication where state = 'streaming'")
  status-set active "primary, $count replicas"
}

# The users of all relations, and nobody's of those that are over.
make_users() {
  local relation number database secret known=()
  own_users=
  for relation in $(relation-ids db); do
    number=${relation#*:}
    read -r database secret <<< "$(decided "db-$number")"
    [ -n "${secret-}" ] || continue
    known+=("relation_$number")
    make_database "$database" "relation_$number" "$(secret_value "$secret" password)"
    own_users="$own_users${own_users:+ }$number"
  done
  local user
  for user in $(sql postgres <<< "select rolname from pg_roles where rolname ~ '^relation_[0-9]+\$' and rolcanlogin"); do
    [[ " ${known[*]-} " == *" $user "* ]] || close_user "$user"
  done
}

# This unit is to be a replica.
be_replica() {
  local primary=$1 epoch=$2 address password slot
  slot=$(slot_of "$unit")
  address=$(told "$primary" address)
  # Again, if a hook that did not end well has not told it.
  if has_cluster && [ "$(decided forced)" != "$epoch" ] && { ! is_standby ||
    { [ "$(decided from)" = "$unit" ] && [ "$(told "$unit" released)" != "$epoch" ]; }; }; then
    hand_over "$epoch"
  fi
  if [ "$(told "$primary" epoch)" != "$epoch" ] || ! is_address "$address"; then
    status-set waiting "waiting for $primary to be the primary"
    return 0
  fi
  if [[ " $(told "$primary" ready) " != *" $unit "* ]]; then
    status-set waiting "waiting for $primary to let it in"
    return 0
  fi
  password=$(replication_password)
  remember_password "$password"
  if { ! has_cluster || ! is_standby; } && ! answers "$address"; then
    status-set waiting "$primary does not answer"
    return 0
  fi
  if ! has_cluster || ! is_standby; then
    status-set maintenance "copying $primary"
    # A primary that was given up may have what no other has.
    if has_cluster && rewind "$address"; then
      juju-log "rewound to what $primary has"
    else
      copy_primary "$address" "$slot"
    fi
  fi
  if follow_primary "$address" "$slot" && is_running; then
    ctl restart
  fi
  configure < <(allowed)
  if ! streams 15; then
    if ! answers "$address"; then
      status-set waiting "$primary does not answer"
      return 0
    fi
    juju-log -l WARNING "nothing comes from $primary: copying it anew"
    status-set maintenance "copying $primary"
    copy_primary "$address" "$slot"
    ctl start
    streams 30
  fi
  tell epoch= ready= users= vote= lacks= follows="$primary $epoch"
  status-set active "replica of $primary"
}

# The primary makes way: a fast shutdown sends replicas all that there is.
hand_over() {
  juju-log "making way for another primary"
  # After a crash its log ends later than its last checkpoint says.
  is_running || is_standby || ctl start
  if is_running; then ctl stop -m fast; fi
  touch "$data/standby.signal"
  chown postgres:postgres "$data/standby.signal"
  tell released="$1" handed="$(last_checkpoint)" epoch= ready= users=
}

# Everything, from whatever state.
reconcile() {
  if [ -z "$cluster" ]; then
    status-set waiting "waiting for its peers"
    return 0
  fi
  if [[ "$(state_of "$unit")" =~ ^(dying|dead)$ ]]; then
    # What it sees of relations is over for this unit alone.
    return 0
  fi
  tell address="$(own_address)"
  lead
  local primary epoch
  primary=$(decided primary) epoch=$(decided epoch)
  if [ -z "$primary" ]; then
    status-set waiting "waiting for the leader to choose a primary"
  elif [ "$primary" = "$unit" ]; then
    be_primary "$epoch"
    # What it made may be told now, or what it lacks.
    if is_leader; then
      give_back "$unit"
      lead_databases
    fi
  elif is_gone "$primary"; then
    if [ -n "$(decided election)" ]; then vote_for "$(decided election)"; fi
    status-set waiting "waiting for another primary than $primary"
  else
    be_replica "$primary" "$epoch"
  fi
  application-version-set "$(version)"
}
