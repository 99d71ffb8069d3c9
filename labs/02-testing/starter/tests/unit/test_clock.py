"""Unit tests of flightdelay.clock. The contract of every function is on the lab's page; begin here."""
