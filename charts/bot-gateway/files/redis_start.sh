# Starts the bundled Redis with a configuration on its standard input, so that the password stands in no argument and no
# file. Redis gets the password's hash. REDISCLI_AUTH is the password, which redis-cli reads too.
set -eu
marker=$REDIS_DATA/.password-required
hashed() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

# A volume without data is a new installation: no client of an older chart, which sends no password, can exist. The
# marker keeps that decision for later starts.
if [ -n "${REDISCLI_AUTH:-}" ] && [ ! -e "$REDIS_DATA/appendonlydir" ] && [ ! -e "$REDIS_DATA/dump.rdb" ]; then
  : > "$marker"
fi
case $REDIS_PASSWORD_REQUIRED in
  true) required=true ;;
  false) required=false ;;
  *) if [ -e "$marker" ]; then required=true; else required=false; fi ;;
esac
if [ "$required" = false ]; then
  # A user without a password accepts any: clients with the password and clients without one both work.
  access=nopass
  echo "redis: clients without a password are accepted; set redis.auth.required=true when every client sends it"
elif [ -z "${REDISCLI_AUTH:-}" ]; then
  echo "redis: redis.auth.required is true, but the Secret has no key redis-password" >&2
  exit 1
else
  access="#$(hashed "$REDISCLI_AUTH")"
  [ -z "${REDIS_PASSWORD_PREVIOUS:-}" ] || access="$access #$(hashed "$REDIS_PASSWORD_PREVIOUS")"
fi
exec redis-server - "$@" <<CONFIGURATION
user default on $access ~* &* +@all
CONFIGURATION
