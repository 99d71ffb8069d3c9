python -m service &
service=$!
trap 'kill -KILL $service; exit 0' TERM
wait $service
