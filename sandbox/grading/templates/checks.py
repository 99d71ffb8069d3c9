"""The checks of lab << id >>.

The docstring of a check is the title that the learner reads. `assert …, "message"` and `fail(…)` say what was seen,
what was expected and where to look next; never the line that fixes it. The submission runs in the jail only.
"""

from sandbox.grading import check, each_fault, fail


@check(points=2, hint="What does the function give back for a name that you did not think of?")
def check_greets(jail, submission, rng):
    """Your greeting names the person."""
    name = "".join(rng.choices("abcdefgh", k=6))  # new at each run, so that a stored answer earns nothing
    done = jail.run(["python", "-c", f"from greeting import greet; print(greet({name!r}))"], files=submission.path)
    if not done.ok:
        fail("greet() did not run", observed=done.stderr[-300:], expected=f"a greeting for {name!r}")
    assert name in done.stdout, f"greet({name!r}) gave {done.stdout.strip()!r}, which does not name {name!r}"


@check(points=1, after="greets", hint="Where would a caller want to hear of a missing name?")
@each_fault("example")
def check_refuses(fault, jail, submission):
    """Your greeting refuses {fault.title}."""
    done = jail.run(
        ["python", "-c", f"from greeting import greet; greet({fault.params['value']!r})"], files=submission.path
    )
    assert "ValueError" in done.stderr, "greet() took it without a ValueError"
