set -e
pip install --no-cache-dir --only-binary :all: -r requirements.txt
pip install --no-cache-dir dumb-init
