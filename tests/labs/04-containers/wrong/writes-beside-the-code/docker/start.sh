set -eu
date > /app/started
exec python -m service
