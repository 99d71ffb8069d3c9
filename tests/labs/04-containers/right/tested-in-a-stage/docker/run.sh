# Process 1 is this shell: it passes SIGTERM on, waits for the service, and reaps what else ends meanwhile.
if [ "$#" -gt 0 ]; then
    exec "$@"
fi
python -m service &
service=$!
trap 'kill -TERM "$service"' TERM INT
while kill -0 "$service" 2>/dev/null; do
    wait "$service"
    status=$?
done
exit "$status"
