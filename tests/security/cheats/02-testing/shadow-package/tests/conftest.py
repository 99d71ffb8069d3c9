import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
for name in [name for name in sys.modules if name.startswith("flightdelay")]:
    del sys.modules[name]
