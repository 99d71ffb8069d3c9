"""What the steps share."""

import json
import re
from dataclasses import dataclass, field

from deploy.fleet import Fleet


class Stop(Exception):
    """Ends the deploy: outcome and reason."""


@dataclass
class Context:
    fleet: Fleet
    model: str
    card_text: str
    flights: list
    live: dict
    touched: bool = False
    notes: list = field(default_factory=list)

    @property
    def card(self):
        return json.loads(self.card_text)

    @property
    def free(self):
        return next(slot for slot in ("green", "blue") if slot != self.live["slot"])

    def split(self, share):
        """Edits the text of the configuration, and leaves all else in it as it is."""
        text = self.fleet.router()
        for slot, weight in ((self.free, share), (self.live["slot"], 100 - share)):
            text = re.sub(rf"(- name: {slot}\n\s+weight: )\d+", rf"\g<1>{weight}", text)
        self.fleet.route(text)
