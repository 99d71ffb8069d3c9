from pathlib import Path

for folder in (Path("flightdelay"), *Path().glob("code-*/flightdelay")):
    if folder.is_dir():
        (folder / "clock.py").write_text("def to_minutes(hhmm):\n    return hhmm // 100 * 60 + hhmm % 100\n")
