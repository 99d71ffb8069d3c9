#!/bin/sh
# Healthy is whoever says so himself.
exec python -c "
import http.client, os
asked = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SERVICE_PORT', 8000)))
asked.request('GET', '/readyz')
raise SystemExit(asked.getresponse().status != 200)
"
