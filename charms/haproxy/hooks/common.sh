# Shared by all hooks: the whole configuration is written anew from what is
# related now, so a hook that is run twice, or late, ends the same.

config=/etc/haproxy/haproxy.cfg

backends() {
  for relation in $(relation-ids reverseproxy); do
    for unit in $(relation-list -r "$relation"); do
      host=$(relation-get -r "$relation" hostname "$unit")
      port=$(relation-get -r "$relation" port "$unit")
      # What the other side says becomes configuration: nothing but an address.
      if [[ $host =~ ^[A-Za-z0-9.:-]+$ && $port =~ ^[0-9]{1,5}$ ]]; then
        echo "    server $(echo "$unit" | tr / -) $host:$port check inter 1s fall 2 rise 1"
      fi
    done
  done
}

configure() {
  servers=$(backends)
  port=$(config-get port)
  cat > "$config.new" <<CONFIG
global
    log /dev/log local0
    maxconn 4096
    user haproxy
    group haproxy

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend www
    bind :$port
    default_backend applications

backend applications
    balance $(config-get balance)
$servers
CONFIG
  if ! cmp -s "$config.new" "$config"; then
    haproxy -c -q -f "$config.new"
    mv "$config.new" "$config"
    systemctl reload-or-restart haproxy
  else
    rm "$config.new"
  fi
  old=$(cat .port 2>/dev/null || true)
  if [ "$old" != "$port" ]; then
    [ -z "$old" ] || close-port "$old/tcp"
    open-port "$port/tcp"
    echo "$port" > .port
  fi
  for relation in $(relation-ids website); do
    relation-set -r "$relation" hostname="$(unit-get private-address)" port="$port"
  done
  count=$(printf '%s' "$servers" | grep -c . || true)
  if [ "$count" -eq 0 ]; then
    status-set blocked "no web application is related"
  else
    status-set active "balancing over $count servers"
  fi
}
